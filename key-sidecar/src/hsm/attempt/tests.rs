use super::*;
use crate::config::PinSource;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

struct Scene {
    directory: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn begin(&self, serial: &str, pin: &str) -> Result<Attempt, HsmError> {
        let path = self.directory.path().join("pin");
        fs::write(&path, pin).unwrap();
        let pin = Pin::read(&PinSource::File(path)).unwrap();
        AttemptLog::in_state(self.directory.path()).begin(serial, &pin, NOW)
    }

    fn is_refused(&self, pin: &str) -> bool {
        matches!(self.begin("A", pin), Err(HsmError::PinNotTried { .. }))
    }
}

#[test]
fn a_refused_value_is_not_tried_again_on_that_token() {
    let scene = Scene::new();
    scene.begin("A", "wrong").unwrap().refused().unwrap();
    assert!(scene.is_refused("wrong"));
    assert!(scene.begin("B", "wrong").is_ok(), "another token may know it");
    scene.begin("A", "right").unwrap().accepted().unwrap();
}

#[test]
fn an_attempt_is_on_disk_before_its_outcome_and_counts_if_nobody_saw_it_end() {
    let scene = Scene::new();
    let attempt = scene.begin("A", "1234").unwrap();
    let text = fs::read_to_string(scene.directory.path().join(FILE)).unwrap();
    assert!(text.contains("\"pending\"") && !text.contains("1234"), "{text}");
    drop(attempt);
    assert!(scene.is_refused("1234"));
}

#[test]
fn a_device_error_leaves_no_trace() {
    let scene = Scene::new();
    for _ in 0..20 {
        scene.begin("A", "1234").unwrap().not_judged().unwrap();
    }
    scene.begin("A", "1234").unwrap().accepted().unwrap();
}

#[test]
fn a_proven_pin_survives_two_interrupted_attempts_and_no_third() {
    let scene = Scene::new();
    scene.begin("A", "1234").unwrap().accepted().unwrap();
    drop(scene.begin("A", "1234").unwrap());
    drop(scene.begin("A", "1234").unwrap());
    assert!(scene.is_refused("1234"));
    AttemptLog::in_state(scene.directory.path()).forget().unwrap();
    scene.begin("A", "1234").unwrap().accepted().unwrap();
}

#[test]
fn success_starts_the_count_anew_but_a_later_refusal_still_holds() {
    let scene = Scene::new();
    scene.begin("A", "old").unwrap().refused().unwrap();
    scene.begin("A", "1234").unwrap().accepted().unwrap();
    drop(scene.begin("A", "1234").unwrap());
    scene.begin("A", "1234").unwrap().accepted().unwrap();
    scene.begin("A", "1234").unwrap().refused().unwrap();
    assert!(scene.is_refused("1234"));
}

#[test]
fn the_sixth_wrong_value_waits_for_an_operator() {
    let scene = Scene::new();
    for number in 0..REFUSED_MAX {
        scene.begin("A", &format!("wrong-{number}")).unwrap().refused().unwrap();
    }
    assert!(scene.is_refused("wrong-again"));
}

#[test]
fn a_damaged_memory_counts_as_a_refusal() {
    let scene = Scene::new();
    fs::write(scene.directory.path().join(FILE), "{").unwrap();
    assert!(scene.is_refused("1234"));
}
