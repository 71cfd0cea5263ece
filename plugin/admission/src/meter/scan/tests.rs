use proptest::prelude::*;

use super::*;

/// Writes down what it is told.
#[derive(Debug, Default, PartialEq)]
struct Log(String);

impl Sink<char> for Log {
    const MINDS_CASE: bool = true;

    fn key(&mut self, tree: &Tree<char>, node: NodeId) {
        let role = tree.role(node).unwrap_or('-');
        self.0.push_str(&format!("key {role}\n"));
    }

    fn near_key(&mut self, _: NodeId) {
        self.0.push_str("near\n");
    }

    fn open(&mut self, role: char) {
        self.0.push_str(&format!("open {role}\n"));
    }

    fn close(&mut self, role: char) {
        self.0.push_str(&format!("close {role}\n"));
    }

    fn scalar(&mut self, _: NodeId, role: char, scalar: Scalar<'_>) {
        let told = match scalar {
            Scalar::Number(bytes) | Scalar::Text(bytes) => String::from_utf8_lossy(bytes).into(),
            other => format!("{other:?}"),
        };
        self.0.push_str(&format!("{role} = {told}\n"));
    }
}

fn tree() -> Tree<char> {
    Tree::new([("a", 'a'), ("b.c", 'c'), ("b.list.*", 'l'), ("b.list.*.n", 'n'), ("b.d", 'd')])
}

fn read(pieces: &[&[u8]]) -> (String, Progress) {
    let (tree, mut log, mut scanner) = (tree(), Log::default(), Scanner::default());
    for piece in pieces {
        scanner.push(piece, &tree, &mut log);
    }
    (log.0, scanner.progress())
}

#[test]
fn places_are_told_and_nothing_else() {
    let (log, progress) = read(&[
        br#" {"x":{"a":1,"y":["a\"}",{}]},"a":"A\u00e9\ud83d\ude00\n","b":{"c":null,"list":[{"n":1},{"n":-2.5e3 ,"z":"]"}],"d":true,"A":1}} "#,
    ]);
    assert_eq!(progress, Progress::Done);
    assert_eq!(
        log,
        "key a\na = Aé😀\n\nkey -\nkey c\nc = Null\nkey -\nopen l\nkey n\nn = 1\nclose l\nopen l\n\
         key n\nn = -2.5e3\nclose l\nkey d\nd = Bool(true)\n"
    );
}

#[test]
fn keys_may_be_escaped_and_case_is_told() {
    let (log, _) = read(&[br#"{"\u0061":7,"A":8}"#]);
    assert_eq!(log, "key a\na = 7\nnear\n");
}

#[test]
fn what_is_no_json_is_bad() {
    for text in ["x", "12", "{]", r#"{"a" 1}"#, r#"{"a":1,]"#, r#"{"a":}"#, "{\"b\":[}"] {
        assert_eq!(read(&[text.as_bytes()]).1, Progress::Bad, "{text}");
    }
}

#[test]
fn long_strings_are_told_as_such_and_deep_ones_are_passed() {
    let long = format!(r#"{{"a":"{}","b":{{"c":{}}}}}"#, "x".repeat(TEXT_MAX + 1), "1".repeat(300));
    assert_eq!(read(&[long.as_bytes()]).0, "key a\na = Long\nkey -\nkey c\nc = Long\n");
    let deep = format!(r#"{{"z":{}{},"a":1}}"#, "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(read(&[deep.as_bytes()]), ("key a\na = 1\n".into(), Progress::Done));
}

proptest! {
    #[test]
    fn cuts_change_nothing(text in r#"[\{\}\[\]",:abcdnl0-9\\ u]{0,60}"#, cut in 0_usize..60) {
        let text = format!(r#"{{"a":1,"b":{{"c":2,"list":[{{"n":"{text}"#);
        let whole = read(&[text.as_bytes()]);
        let (left, right) = text.as_bytes().split_at(cut.min(text.len()));
        prop_assert_eq!(read(&[left, right]), whole.clone());
        let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
        prop_assert_eq!(read(&bytes), whole);
    }
}
