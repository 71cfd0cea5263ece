//! What a request asks for: the model, how much output, whether it streams; read from the passing body.
//!
//! Nothing of the body is kept but these few values. What a request says twice, or in a way that servers
//! read differently, is marked: whoever enforces an allowed model must refuse that. [`with_include_usage`]
//! makes a streamed chat request ask for its usage.

use std::sync::{Arc, LazyLock};

use wire::usage::{Profile, Usage};

use crate::meter::number;
use crate::meter::scan::{Progress, Scalar, Scanner, Sink};
use crate::meter::tree::{NodeId, Tree};

pub use self::include_usage::with_include_usage;
pub use self::path::model_in_path;

use self::multipart::Multipart;

mod include_usage;
mod multipart;
mod path;

/// What a request says.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Asked {
    /// The model: from the path where it stands there, otherwise from the body.
    pub model: Option<Arc<str>>,
    /// The most tokens it wants generated; of several such fields the largest.
    pub output_limit: Option<u64>,
    /// How many answers it wants.
    pub n: Option<u64>,
    /// Whether the answer shall stream.
    pub stream: Option<bool>,
    /// Whether the stream shall end with its usage.
    pub include_usage: Option<bool>,
    /// How it wants to be served.
    pub service_tier: Option<String>,
    /// The body's length so far.
    pub bytes: u64,
    /// Something stands there twice, or in another case besides: servers differ in what they take.
    pub duplicate: bool,
    /// The body, or a value in it, could not be read.
    pub unreadable: bool,
}

/// Reads a request's body as it goes by, cut anywhere.
#[derive(Debug)]
pub struct AskReader {
    asked: Asked,
    model_in_body: bool,
    form: Form,
    /// The places that were seen, a bit for each.
    seen: u64,
}

#[derive(Debug)]
enum Form {
    Unknown,
    Json(Box<Scanner>),
    /// Uploads carry their fields so.
    Multipart(Multipart),
    Unreadable,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Place {
    Model,
    OutputLimit,
    N,
    Stream,
    IncludeUsage,
    ServiceTier,
}

const PLACES: &[(&str, Place)] = &[
    ("model", Place::Model),
    ("max_tokens", Place::OutputLimit),
    ("max_completion_tokens", Place::OutputLimit),
    ("max_output_tokens", Place::OutputLimit),
    ("max_tokens_to_sample", Place::OutputLimit),
    ("max_gen_len", Place::OutputLimit),
    ("generationConfig.maxOutputTokens", Place::OutputLimit),
    ("generation_config.max_output_tokens", Place::OutputLimit),
    ("inferenceConfig.maxTokens", Place::OutputLimit),
    ("textGenerationConfig.maxTokenCount", Place::OutputLimit),
    ("parameters.max_tokens", Place::OutputLimit),
    ("n", Place::N),
    ("parameters.n", Place::N),
    ("generationConfig.candidateCount", Place::N),
    ("stream", Place::Stream),
    ("stream_options.include_usage", Place::IncludeUsage),
    ("service_tier", Place::ServiceTier),
    ("serviceTier.type", Place::ServiceTier),
];

static TREE: LazyLock<Tree<Place>> = LazyLock::new(|| Tree::new(PLACES.iter().copied()));

impl AskReader {
    /// A reader for a request of a route with this usage; `path_model` is the model that its path names.
    #[must_use]
    pub fn new(usage: Option<&Usage>, path_model: Option<&str>) -> Self {
        let path_only = matches!(
            usage,
            Some(Usage::Api(Profile::Gemini | Profile::BedrockConverse | Profile::BedrockInvoke))
        );
        let model = path_model.map(Arc::from);
        Self {
            model_in_body: model.is_none() && !path_only,
            asked: Asked { model, ..Asked::default() },
            form: Form::Unknown,
            seen: 0,
        }
    }

    /// A piece of the request's body, cut anywhere.
    pub fn body(&mut self, piece: &[u8]) {
        let bytes = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        self.asked.bytes = self.asked.bytes.saturating_add(bytes);
        let mut rest = piece;
        if matches!(self.form, Form::Unknown) {
            rest = rest.trim_ascii_start();
            self.form = match rest.first() {
                None => return,
                Some(b'{') => Form::Json(Box::default()),
                Some(b'-') => Form::Multipart(Multipart::default()),
                Some(_) => Form::Unreadable,
            };
        }
        let Self { asked, model_in_body, form, seen } = self;
        let mut sink = Reader { asked, model_in_body: *model_in_body, seen };
        match form {
            Form::Json(scanner) => {
                let taken = scanner.push(rest, &TREE, &mut sink);
                let behind = rest.get(taken..).unwrap_or_default();
                sink.asked.unreadable |=
                    scanner.progress() == Progress::Bad || !behind.trim_ascii().is_empty();
            }
            Form::Multipart(multipart) => multipart.push(rest, |name, value| {
                sink.field(name, value);
            }),
            Form::Unreadable => asked.unreadable = true,
            Form::Unknown => {}
        }
    }

    /// The body is compressed, or in another form that is not read.
    pub fn unreadable(&mut self) {
        self.form = Form::Unreadable;
        self.asked.unreadable = true;
    }

    /// What is known so far.
    #[must_use]
    pub const fn asked(&self) -> &Asked {
        &self.asked
    }

    /// Whether the model is known. A second one may follow until [`AskReader::ended`], and would be
    /// marked as a duplicate.
    #[must_use]
    pub const fn has_model(&self) -> bool {
        self.asked.model.is_some()
    }

    /// Whether the body has said all that it can say.
    #[must_use]
    pub fn ended(&self) -> bool {
        match &self.form {
            Form::Unknown => false,
            Form::Json(scanner) => matches!(scanner.progress(), Progress::Done | Progress::Bad),
            Form::Multipart(multipart) => multipart.ended(),
            Form::Unreadable => true,
        }
    }
}

/// Takes over what is told.
struct Reader<'a> {
    asked: &'a mut Asked,
    model_in_body: bool,
    seen: &'a mut u64,
}

impl Reader<'_> {
    /// Marks a place as seen, and a second time as a duplicate.
    fn see(&mut self, node: NodeId) {
        let bit = u32::try_from(node).ok().and_then(|node| 1_u64.checked_shl(node)).unwrap_or(0);
        self.asked.duplicate |= *self.seen & bit != 0;
        *self.seen |= bit;
    }

    /// A field of a form.
    fn field(&mut self, name: &[u8], value: Option<&[u8]>) {
        let Some(node) = TREE.child(Tree::<Place>::ROOT, name) else { return };
        let Some(place) = TREE.role(node) else { return };
        self.see(node);
        let scalar = match value {
            Some(b"true") if place == Place::Stream => Scalar::Bool(true),
            Some(b"false") if place == Place::Stream => Scalar::Bool(false),
            Some(value) => Scalar::Text(value),
            None => Scalar::Long,
        };
        self.scalar(node, place, scalar);
    }
}

impl Sink<Place> for Reader<'_> {
    const MINDS_CASE: bool = true;

    fn key(&mut self, _: &Tree<Place>, node: NodeId) {
        self.see(node);
    }

    fn near_key(&mut self, _: NodeId) {
        // Some servers do not mind the case, and would take this for the field itself.
        self.asked.duplicate = true;
    }

    fn scalar(&mut self, _: NodeId, place: Place, scalar: Scalar<'_>) {
        let number = match scalar {
            Scalar::Number(text) | Scalar::Text(text) => number::count(text)
                .ok()
                .and_then(|millionths| u64::try_from(millionths.div_ceil(1_000_000)).ok()),
            _ => None,
        };
        let text = match scalar {
            Scalar::Text(text) => std::str::from_utf8(text).ok().filter(|text| !text.is_empty()),
            _ => None,
        };
        let asked = &mut *self.asked;
        let read = match (place, scalar) {
            (_, Scalar::Null) => true,
            (Place::Model, _) if !self.model_in_body => true,
            (Place::Model, _) => {
                asked.model = text.map(Arc::from);
                text.is_some()
            }
            (Place::OutputLimit, _) => {
                asked.output_limit = asked.output_limit.max(number);
                number.is_some()
            }
            (Place::N, _) => {
                asked.n = asked.n.max(number);
                number.is_some()
            }
            (Place::Stream, Scalar::Bool(stream)) => {
                asked.stream = Some(stream);
                true
            }
            (Place::IncludeUsage, Scalar::Bool(include)) => {
                asked.include_usage = Some(include);
                true
            }
            (Place::Stream | Place::IncludeUsage, _) => false,
            (Place::ServiceTier, _) => {
                asked.service_tier = text.map(Into::into);
                text.is_some()
            }
        };
        asked.unreadable |= !read;
    }
}
