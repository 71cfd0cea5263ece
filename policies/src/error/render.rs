//! Errors as people know them from compilers: the line, the mark, what was expected, what to do.

use annotate_snippets::{Annotation, AnnotationKind, Element, Level, Origin, Renderer, Snippet};

use super::{Place, PolicyError};

/// One width everywhere: a message in a log, a terminal and a test is the same text.
const RENDERER: Renderer = Renderer::plain().term_width(120);

pub(super) fn error(error: &PolicyError) -> String {
    let title = Level::ERROR.primary_title(error.message.as_str());
    let mut elements: Vec<Element<'_>> = Vec::new();
    if let Some(place) = &error.place {
        elements.push(shown(
            place,
            AnnotationKind::Primary,
            &format!("expected {}", error.expected),
        ));
        if place.excerpt.is_none() {
            elements.push(expected(error));
        }
    } else {
        elements.push(expected(error));
    }
    if let Some(other) = &error.other {
        elements.push(shown(&other.place, AnnotationKind::Context, other.is));
    }
    if let Some(near) = &error.near {
        elements.push(Level::HELP.message(format!("did you mean \"{near}\"?")).into());
    }
    elements.push(Level::HELP.message(error.remedy.as_str()).into());
    RENDERER.render(&[title.elements(elements)])
}

fn expected(error: &PolicyError) -> Element<'_> {
    Level::NOTE.message(format!("expected {}", error.expected)).into()
}

/// The line with its mark, or where the line is too long to be shown, the place alone.
fn shown<'a>(place: &'a Place, kind: AnnotationKind, label: &str) -> Element<'a> {
    match &place.excerpt {
        Some(excerpt) => {
            let mark: Annotation<'_> = kind.span(excerpt.marked.clone()).label(label.to_owned());
            Snippet::source(excerpt.line.as_str())
                .line_start(place.line)
                .path(&*place.file)
                .annotation(mark)
                .into()
        }
        None => Origin::path(&*place.file).line(place.line).char_column(place.column).into(),
    }
}
