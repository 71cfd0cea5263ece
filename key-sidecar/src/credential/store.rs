//! `STATE/credentials/NAME.json`: one file for each credential, so that one that is broken hides no
//! other.

use std::path::{Path, PathBuf};

use wire::ids::CredentialName;

use super::{Record, RecordError};
use crate::files::{self, FileError};

/// The folder in the state directory.
pub const FOLDER: &str = "credentials";

/// The sealed records of a directory.
#[derive(Clone, Debug)]
pub struct CredentialStore {
    directory: PathBuf,
}

impl CredentialStore {
    /// The store in `directory`. Nothing is read yet.
    #[must_use]
    pub fn open(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    /// The store of a state directory.
    #[must_use]
    pub fn in_state(state: &Path) -> Self {
        Self::open(&state.join(FOLDER))
    }

    /// Every record that can be read, by name, and what is wrong with the other files.
    #[must_use]
    pub fn load_all(&self) -> (Vec<Record>, Vec<FileError>) {
        files::load_each(&self.directory, load_file)
    }

    /// One record; `None` if there is no such credential.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn load(&self, name: &CredentialName) -> Result<Option<Record>, FileError> {
        load_file(&self.path(name))
    }

    /// Writes a record, whole or not at all. The caller holds [`files::lock`] since it read it.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn store(&self, record: &Record) -> Result<(), FileError> {
        files::make_directory(&self.directory)?;
        files::write_json(&self.path(record.name()), record)
    }

    fn path(&self, name: &CredentialName) -> PathBuf {
        self.directory.join(format!("{name}.json"))
    }
}

fn load_file(path: &Path) -> Result<Option<Record>, FileError> {
    let Some(record) = files::read_json::<Record>(path)? else {
        return Ok(None);
    };
    let content = |error: RecordError| FileError::content(path, error.to_string());
    record.check().map_err(content)?;
    if path.file_stem().is_none_or(|stem| stem != record.name().as_str()) {
        return Err(content(RecordError::Name(record.name().clone())));
    }
    Ok(Some(record))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use jiff::Timestamp;

    use super::*;
    use crate::credential::change::Description;

    fn record(name: &str) -> Record {
        let description = Description {
            name: CredentialName::parse(name).unwrap(),
            purpose: "p".into(),
            owner: "o".into(),
            hosts: vec!["a.example".into(), "b.example".into()],
        };
        Record::new(description, "sealed".into(), Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn one_broken_file_hides_no_other() {
        let directory = tempfile::tempdir().unwrap();
        let store = CredentialStore::open(directory.path());
        for name in ["a", "b", "c"] {
            store.store(&record(name)).unwrap();
        }
        fs::write(directory.path().join("b.json"), "{ \"name\":").unwrap();
        fs::copy(directory.path().join("a.json"), directory.path().join("d.json")).unwrap();
        let (records, errors) = store.load_all();
        let names: Vec<_> = records.iter().map(|record| record.name().as_str()).collect();
        assert_eq!(names, ["a", "c"]);
        let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
        assert!(errors[0].contains("b.json"), "{errors:?}");
        assert!(errors[1].contains("the record of a,"), "{errors:?}");
    }

    #[test]
    fn a_file_that_breaks_a_rule_is_no_record() {
        let directory = tempfile::tempdir().unwrap();
        let store = CredentialStore::open(directory.path());
        store.store(&record("a")).unwrap();
        let path = directory.path().join("a.json");
        let good = fs::read_to_string(&path).unwrap();
        for (from, to, why) in [
            ("\"format\": 1", "\"format\": 2", "format 2 is not known"),
            ("b.example", "B.example", "is not a host"),
            ("b.example", "a.example", "not in order"),
            ("\"version\": 1", "\"version\": 0", "versions count upwards"),
            ("\"owner\"", "\"ovner\"", "unknown field"),
            ("\"static\"", "\"magic\"", "unknown variant"),
        ] {
            assert!(good.contains(from), "{from}");
            fs::write(&path, good.replace(from, to)).unwrap();
            let (records, errors) = store.load_all();
            assert!(records.is_empty());
            assert!(errors[0].to_string().contains(why), "{}", errors[0]);
        }
    }
}
