//! Files whose content is in force, and is read again when it changes.

use std::{io::Read, path::PathBuf, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use super::ServerError;

/// A value made from the content of files. When new content cannot be used, the old value stays.
pub(super) struct Watched<T> {
    what: &'static str,
    paths: Vec<PathBuf>,
    parse: fn(&[Vec<u8>]) -> Result<T, String>,
    /// Of the content that was seen last, in force or not: so that each change is tried, and told, once.
    seen: Mutex<Option<[u8; 32]>>,
    value: ArcSwap<T>,
}

impl<T> Watched<T> {
    /// How often content is compared. A rotated Secret must be in use within 5 s.
    pub(super) const EVERY: Duration = Duration::from_secs(1);
    /// Thousands of certificates.
    const SIZE_MAX: u64 = 1024 * 1024;

    /// # Errors
    /// When a file cannot be read, or its content cannot be used.
    pub(super) fn load(
        what: &'static str,
        paths: Vec<PathBuf>,
        parse: fn(&[Vec<u8>]) -> Result<T, String>,
    ) -> Result<Self, ServerError> {
        let content = read_all(what, &paths)?;
        let value = parse(&content).map_err(|why| unusable(what, &paths, why))?;
        let value = ArcSwap::from_pointee(value);
        Ok(Self { what, paths, parse, seen: Mutex::new(Some(digest(&content))), value })
    }

    pub(super) fn value(&self) -> Arc<T> {
        self.value.load_full()
    }

    /// Reads the files, and takes their content if it is new. Blocks on the disk.
    pub(super) fn refresh(&self) {
        let content = match read_all(self.what, &self.paths) {
            Ok(content) => content,
            Err(error) => {
                // Told once; a file that comes back is told when it is in force again.
                if self.seen.lock().take().is_some() {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "the content that was read before stays in force"
                    );
                }
                return;
            }
        };
        let digest = digest(&content);
        if self.seen.lock().replace(digest) == Some(digest) {
            return;
        }
        match (self.parse)(&content) {
            Ok(value) => {
                self.value.store(Arc::new(value));
                tracing::info!(what = self.what, "read again, and in force");
            }
            Err(why) => {
                let error = unusable(self.what, &self.paths, why);
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the content that was read before stays in force"
                );
            }
        }
    }
}

fn unusable(what: &'static str, paths: &[PathBuf], why: String) -> ServerError {
    ServerError::Unusable { what, path: paths.first().cloned().unwrap_or_default(), why }
}

fn read_all(what: &'static str, paths: &[PathBuf]) -> Result<Vec<Vec<u8>>, ServerError> {
    let read = |path: &PathBuf| {
        let mut content = Vec::new();
        // The bound of every watched file, whatever it turns into.
        std::fs::File::open(path)
            .and_then(|file| file.take(Watched::<()>::SIZE_MAX + 1).read_to_end(&mut content))
            .map_err(|source| ServerError::Read { what, path: path.clone(), source })?;
        if content.len() as u64 > Watched::<()>::SIZE_MAX {
            return Err(ServerError::Unusable { what, path: path.clone(), why: "it is over 1 MiB".to_owned() });
        }
        Ok(content)
    };
    paths.iter().map(read).collect()
}

fn digest(content: &[Vec<u8>]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for file in content {
        hash.update((file.len() as u64).to_le_bytes());
        hash.update(file);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_content_is_taken_and_bad_content_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        let parse = |files: &[Vec<u8>]| String::from_utf8(files[0].clone()).map_err(|e| e.to_string());
        assert!(matches!(Watched::load("the x", vec![path.clone()], parse), Err(ServerError::Read { .. })));
        std::fs::write(&path, "one").unwrap();
        let watched = Watched::load("the x", vec![path.clone()], parse).unwrap();
        for (content, want) in [(&b"two"[..], "two"), (b"\xff", "two"), (b"three", "three"), (b"two", "two")] {
            std::fs::write(&path, content).unwrap();
            watched.refresh();
            assert_eq!(*watched.value(), want);
        }
        std::fs::remove_file(&path).unwrap();
        watched.refresh();
        assert_eq!(*watched.value(), "two");
        std::fs::write(&path, "back").unwrap();
        watched.refresh();
        assert_eq!(*watched.value(), "back");
    }
}
