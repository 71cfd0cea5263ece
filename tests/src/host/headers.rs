//! A header map as Envoy keeps it: bytes, names without case, duplicates in their order.

use std::fmt;

use super::abi::Status;

/// Headers of a request, an answer or a callout.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Headers(Vec<(Vec<u8>, Vec<u8>)>);

impl Headers {
    /// The headers of `pairs`, names in lower case as Envoy's codecs make them.
    pub fn new<N: AsRef<[u8]>, V: AsRef<[u8]>>(pairs: &[(N, V)]) -> Self {
        let mut headers = Self::default();
        for (name, value) in pairs {
            headers.add(name.as_ref(), value.as_ref());
        }
        headers
    }

    /// The first value of `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.first(name.as_bytes())
    }

    /// The first value of `name` as text; bytes that are none show as U+FFFD.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(|value| String::from_utf8_lossy(value).into_owned())
    }

    /// All values of `name`.
    #[must_use]
    pub fn all(&self, name: &str) -> Vec<&[u8]> {
        let name = name.to_ascii_lowercase().into_bytes();
        let with_name = self.0.iter().filter(|(n, _)| *n == name);
        with_name.map(|(_, value)| value.as_slice()).collect()
    }

    /// Name and value, one after the other.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.0.iter().map(|(n, v)| (n.as_slice(), v.as_slice()))
    }

    /// How many there are, duplicates counted.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether any name or value contains `needle`: how a test looks for a secret.
    #[must_use]
    pub fn contain(&self, needle: &[u8]) -> bool {
        let holds = |bytes: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
        self.iter().any(|(name, value)| holds(name) || holds(value))
    }

    pub(super) fn first(&self, name: &[u8]) -> Option<&[u8]> {
        let name = name.to_ascii_lowercase();
        let found = self.0.iter().find(|(n, _)| *n == name);
        found.map(|(_, value)| value.as_slice())
    }

    pub(super) fn add(&mut self, name: &[u8], value: &[u8]) {
        self.0.push((name.to_ascii_lowercase(), value.to_vec()));
    }

    /// One value instead of all that there were.
    pub(super) fn replace(&mut self, name: &[u8], value: &[u8]) {
        self.remove(name);
        self.add(name, value);
    }

    pub(super) fn remove(&mut self, name: &[u8]) {
        let name = name.to_ascii_lowercase();
        self.0.retain(|(n, _)| *n != name);
    }

    /// The ABI's form: count, all lengths, then each name and value with a zero behind it.
    pub(super) fn to_abi(&self) -> Vec<u8> {
        let mut bytes = length(self.len()).to_vec();
        for (name, value) in self.iter() {
            bytes.extend(length(name.len()));
            bytes.extend(length(value.len()));
        }
        for (name, value) in self.iter() {
            bytes.extend(name);
            bytes.push(0);
            bytes.extend(value);
            bytes.push(0);
        }
        bytes
    }

    pub(super) fn from_abi(bytes: &[u8]) -> Result<Self, Status> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        parse(bytes).ok_or(Status::BAD_ARGUMENT)
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
        out.debug_list()
            .entries(self.iter().map(|(n, v)| format!("{}: {}", text(n), text(v))))
            .finish()
    }
}

fn length(of: usize) -> [u8; 4] {
    u32::try_from(of).unwrap_or(u32::MAX).to_le_bytes()
}

fn parse(bytes: &[u8]) -> Option<Headers> {
    let (count, mut lengths) = take_length(bytes)?;
    let mut content = lengths.get(count.checked_mul(8)?..)?;
    let mut headers = Headers::default();
    for _ in 0..count {
        let (name_len, rest) = take_length(lengths)?;
        let (value_len, rest) = take_length(rest)?;
        lengths = rest;
        let (name, rest) = take_terminated(content, name_len)?;
        let (value, rest) = take_terminated(rest, value_len)?;
        content = rest;
        headers.add(name, value);
    }
    Some(headers)
}

fn take_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    Some((usize::try_from(u32::from_le_bytes(*length)).ok()?, rest))
}

fn take_terminated(bytes: &[u8], len: usize) -> Option<(&[u8], &[u8])> {
    let (text, rest) = bytes.split_at_checked(len)?;
    Some((text, rest.strip_prefix(b"\0")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_survives_the_abi() {
        let headers = Headers::new(&[("A", &b"\xff"[..]), ("a", b""), ("", b"x")]);
        assert_eq!(Headers::from_abi(&headers.to_abi()), Ok(headers));
        assert_eq!(Headers::default().to_abi(), [0; 4]);
    }

    #[test]
    fn a_map_that_lies_about_its_lengths_is_refused() {
        let whole = Headers::new(&[("name", "value")]).to_abi();
        for cut in 1..whole.len() {
            assert_eq!(Headers::from_abi(&whole[..cut]), Err(Status::BAD_ARGUMENT));
        }
        assert!(Headers::from_abi(&[0xff; 64]).is_err());
    }

    #[test]
    fn names_have_no_case_and_replace_leaves_one() {
        let mut headers = Headers::new(&[("Dup", "a"), ("DUP", "b"), ("x", "y")]);
        assert_eq!(headers.get("dUp"), Some(&b"a"[..]));
        assert_eq!(headers.all("dup"), [b"a", b"b"]);
        headers.replace(b"DUP", b"z");
        assert_eq!(headers.all("dup"), [b"z"]);
        headers.remove(b"dup");
        assert_eq!(headers, Headers::new(&[("x", "y")]));
    }
}
