//! Hosts: a DNS name in lower case or an IPv4 address, with a port where it is not the usual one.

use std::collections::HashMap;
use std::sync::Arc;

use super::value::{list, text};
use crate::bounds::HOSTS_MAX;
use crate::document::Node;
use crate::error::{Code, Problem, Report, quoted};
use crate::source::Spot;

/// As DNS has it.
const NAME_BYTES_MAX: usize = 253;
const LABEL_BYTES_MAX: usize = 63;

/// The hosts of a service, each once.
pub(super) fn hosts(node: &Node<'_>, report: &mut Report<'_>) -> Option<Vec<Arc<str>>> {
    let entries = list(node, "a list of hosts", HOSTS_MAX, report)?;
    let mut seen: HashMap<&str, Spot> = HashMap::new();
    let mut hosts = Some(Vec::with_capacity(entries.len()));
    for entry in entries {
        let host = host(entry, report).filter(|host| match seen.get(host) {
            Some(first) => {
                report.push(again(entry, host, *first));
                false
            }
            None => true,
        });
        if let Some(host) = host {
            seen.insert(host, entry.at);
        }
        hosts = hosts.zip(host).map(|(mut hosts, host)| {
            hosts.push(Arc::from(host));
            hosts
        });
    }
    hosts
}

fn again(entry: &Node<'_>, host: &str, first: Spot) -> Problem {
    let message = format!("{} stands twice in this list", quoted(host));
    Problem::new(Code::DuplicateEntry, entry.at, message)
        .expected("each host once")
        .remedy("delete one of them")
        .other(first, "first written here")
}

fn host<'d>(node: &'d Node<'_>, report: &mut Report<'_>) -> Option<&'d str> {
    let written = text(node, "a host", report)?;
    if is_host(written) {
        return Some(written);
    }
    let message = format!("{} is not a host", quoted(written));
    report.push(
        Problem::new(Code::Host, node.at, message)
            .expected("a DNS name in lower case and, if need be, a port, as in \"api.example.com\"")
            .remedy(remedy(written))
            .near(bare(written).as_deref()),
    );
    None
}

/// The host in what was probably copied from an address bar.
fn bare(written: &str) -> Option<String> {
    let lower = written.to_ascii_lowercase();
    let rest = lower.split_once("://").map_or(&*lower, |(_, rest)| rest);
    let host = rest.split('/').next()?.trim_end_matches('.');
    is_host(host).then(|| host.to_owned())
}

fn remedy(written: &str) -> &'static str {
    if written.contains("://") {
        "leave out the scheme (https://) and what follows after the host"
    } else if written.contains('/') {
        "leave out the path: paths stand in \"routes\""
    } else if written.contains('*') {
        "write each host out: a credential is bound to hosts by their names"
    } else if written.bytes().any(|byte| byte.is_ascii_uppercase()) {
        "write it in lower case"
    } else if written.ends_with('.') {
        "leave out the dot at the end"
    } else {
        "write the name as it stands in the address of the API, without anything around it"
    }
}

fn is_host(text: &str) -> bool {
    let (name, port) = match text.split_once(':') {
        Some((name, port)) => (name, Some(port)),
        None => (text, None),
    };
    name.len() <= NAME_BYTES_MAX && name.split('.').all(is_label) && port.is_none_or(is_port)
}

fn is_label(label: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    label.len() <= LABEL_BYTES_MAX
        && label.bytes().next().is_some_and(plain)
        && label.bytes().last().is_some_and(plain)
        && label.bytes().all(|byte| plain(byte) || byte == b'-')
}

fn is_port(port: &str) -> bool {
    port.bytes().all(|byte| byte.is_ascii_digit())
        && !port.starts_with('0')
        && port.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_dns_name_with_or_without_a_port() {
        for good in ["api.openai.com", "localhost", "127.0.0.1:8443", "a-b.c", "x:65535"] {
            assert!(is_host(good), "{good}");
        }
        for bad in [
            "",
            ".",
            "a.",
            ".a",
            "-a",
            "a-",
            "A.b",
            "a_b",
            "a b",
            "a:",
            "a:0",
            "a:080",
            "a:65536",
            "a:1:2",
            "é.fr",
            "https://a",
            "a/b",
            "*.a",
            "[::1]",
            "a:+1",
        ] {
            assert!(!is_host(bad), "{bad}");
        }
        assert!(!is_host(&"a".repeat(64)));
        assert!(is_host(&["a".repeat(63).as_str(); 3].join(".")));
        assert!(!is_host(&["a".repeat(63).as_str(); 4].join(".")));
    }
}
