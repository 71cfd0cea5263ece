use std::fs;

use super::*;

const DAY: i64 = 86_400;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn ms(second: u64) -> UnixMillis {
    UnixMillis(second * 1000)
}

fn digest(byte: u8) -> ClientKeyDigest {
    ClientKeyDigest([byte; 32])
}

fn record(client: &str) -> ClientRecord {
    ClientRecord::empty(ClientName::parse(client).unwrap())
}

fn good(until: Option<u64>) -> KeyState {
    KeyState::Good { until: until.map(ms) }
}

#[test]
fn an_issued_key_is_good_until_it_expires_and_not_a_moment_longer() {
    let mut record = record("a");
    record.issue(digest(1), Some(at(100)), String::new(), at(0)).unwrap();
    let key = &record.keys()[0];
    assert_eq!(key.state_at(UnixMillis(99_999)), good(Some(100)));
    assert_eq!(key.state_at(ms(100)), KeyState::Expired);
}

#[test]
fn a_rotation_overlaps_and_never_prolongs() {
    let mut record = record("a");
    record.issue(digest(1), Some(at(50)), String::new(), at(0)).unwrap();
    record.issue(digest(2), None, String::new(), at(0)).unwrap();
    record.revoke(digest(2), false, at(0)).unwrap();
    record.issue(digest(3), None, String::new(), at(0)).unwrap();
    assert_eq!(record.retire(at(7 * DAY)), 2);
    assert_eq!(record.retire(at(8 * DAY)), 0, "an overlap does not grow");
    assert_eq!(record.retire(at(DAY)), 2, "but it can be cut");
    let states: Vec<_> = record.keys().iter().map(|key| key.state_at(ms(60))).collect();
    assert_eq!(states, [KeyState::Expired, KeyState::Revoked, good(Some(86_400))]);
}

#[test]
fn a_key_that_only_the_policy_knows_can_be_revoked() {
    let mut record = record("a");
    let unknown = record.revoke(digest(9), false, at(0));
    assert_eq!(unknown, Err(change::ChangeError::NoSuchKey(digest(9))));
    record.revoke(digest(9), true, at(0)).unwrap();
    assert_eq!(record.keys()[0].state_at(ms(0)), KeyState::Revoked);
}

#[test]
fn a_lookup_tells_whose_key_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let store = ClientStore::open(directory.path());
    for (client, byte) in [("a", 1), ("b", 2)] {
        let mut record = record(client);
        record.issue(digest(byte), None, String::new(), at(0)).unwrap();
        store.store(&record).unwrap();
    }
    let (loaded, errors) = ClientDirectory::load_all(directory.path());
    assert!(errors.is_empty());
    let (client, state) = loaded.lookup(&digest(2), ms(1)).unwrap();
    assert_eq!((client.as_str(), state), ("b", good(None)));
    assert!(loaded.lookup(&digest(3), ms(1)).is_none());
}

#[test]
fn a_digest_that_two_clients_claim_opens_nothing_for_either() {
    let directory = tempfile::tempdir().unwrap();
    let store = ClientStore::open(directory.path());
    for client in ["a", "b"] {
        let mut record = record(client);
        record.issue(digest(1), None, String::new(), at(0)).unwrap();
        store.store(&record).unwrap();
    }
    let (loaded, errors) = ClientDirectory::load_all(directory.path());
    assert!(errors[0].to_string().contains("two clients"), "{errors:?}");
    assert_eq!(loaded.lookup(&digest(1), ms(0)).unwrap().1, KeyState::Revoked);
}

#[test]
fn a_broken_file_is_told_and_its_client_known_as_broken() {
    let directory = tempfile::tempdir().unwrap();
    let store = ClientStore::open(directory.path());
    store.store(&record("a")).unwrap();
    fs::write(directory.path().join("b.json"), "{}").unwrap();
    fs::copy(directory.path().join("a.json"), directory.path().join("c.json")).unwrap();
    let (loaded, errors) = ClientDirectory::load_all(directory.path());
    assert_eq!(errors.len(), 2, "{errors:?}");
    let broken = |name| loaded.is_broken(&ClientName::parse(name).unwrap());
    assert!(!broken("a") && broken("b") && broken("c"));
}

#[test]
fn differences_are_the_keys_that_mean_something_else() {
    let load = |records: &[ClientRecord]| {
        let mut directory = ClientDirectory::default();
        for record in records {
            directory.add(record.clone());
        }
        directory
    };
    let mut before = record("a");
    before.issue(digest(1), None, String::new(), at(0)).unwrap();
    before.issue(digest(2), None, String::new(), at(0)).unwrap();
    let mut after = before.clone();
    after.revoke(digest(2), false, at(0)).unwrap();
    after.issue(digest(3), None, String::new(), at(0)).unwrap();
    let (before, after) = (load(&[before]), load(&[after]));
    assert_eq!(before.differences(&after), [digest(2), digest(3)]);
    assert_eq!(after.differences(&before), [digest(2), digest(3)]);
    assert!(after.differences(&after).is_empty());
}

#[test]
fn the_file_is_readable_and_survives_itself() {
    let mut record = record("a");
    record.issue(digest(1), Some(at(100)), "laptop".into(), at(0)).unwrap();
    record.retire(at(50));
    let text = serde_json::to_string(&record).unwrap();
    assert!(text.contains(r#""state":{"retiring":{"until":"1970-01-01T00:00:50Z"}}"#), "{text}");
    assert_eq!(serde_json::from_str::<ClientRecord>(&text).unwrap(), record);
}
