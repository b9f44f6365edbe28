//! Archives in directories of this machine: `file:///srv/archive`. What lies there is judged as what servers send.

use std::fs::OpenOptions;
use std::io;
use std::io::Seek as _;
use std::io::SeekFrom;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use super::Response;
use super::Transport;
use super::TransportError;

/// How the URL of a file begins.
const SCHEME: &str = "file://";

/// Files, and another transport for all else. They are there offline as well.
pub struct WithFiles(
    /// The other one.
    pub Arc<dyn Transport>,
);

impl std::fmt::Debug for WithFiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WithFiles")
    }
}

impl Transport for WithFiles {
    fn get(&self, url: &str, offset: u64) -> Result<Response, TransportError> {
        if !url.starts_with(SCHEME) {
            return self.0.get(url, offset);
        }
        let path = path_of(url).ok_or_else(|| TransportError::Url("no absolute path of a file".to_owned()))?;
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => TransportError::NotFound,
            _ => TransportError::Protocol(error.to_string()),
        };
        // A pipe that nobody writes to must hold up no build: it is opened, and found to be none.
        let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
        let mut file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(failed)?;
        let about = file.metadata().map_err(failed)?;
        if !about.is_file() {
            return Err(TransportError::Protocol("it is no regular file".to_owned()));
        }
        file.seek(SeekFrom::Start(offset)).map_err(failed)?;
        Ok(Response { body: Box::new(file), offset, length: Some(about.len()) })
    }
}

/// The path that a URL names; `None`: it names none on this machine.
pub(crate) fn path_of(url: &str) -> Option<PathBuf> {
    let path = decoded(url.strip_prefix(SCHEME)?).filter(|path| path.starts_with(b"/") && !path.contains(&0))?;
    Some(PathBuf::from(<std::ffi::OsString as std::os::unix::ffi::OsStringExt>::from_vec(path)))
}

/// With what stands behind `%`; `None`: no two digits do.
fn decoded(path: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        if byte == b'%' {
            let digits = std::str::from_utf8(behind.get(..2)?).ok()?;
            if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return None;
            }
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &behind[2..];
        } else {
            bytes.push(byte);
            rest = behind;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
    use crate::host::OfflineTransport;

    #[test]
    fn files_come_and_nothing_else() {
        let directory = tempfile::tempdir().expect("a directory");
        let base = format!("file://{}", directory.path().display());
        std::fs::write(directory.path().join("a b"), "0123456789").expect("written");
        let made = rustix::fs::mknodat(
            rustix::fs::CWD,
            directory.path().join("pipe"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RWXU,
            0,
        );
        made.expect("made");
        let files = WithFiles(Arc::new(OfflineTransport));
        let mut text = String::new();
        let mut answer = files.get(&format!("{base}/a%20b"), 4).expect("it is there");
        answer.body.read_to_string(&mut text).expect("it can be read");
        assert_eq!((text.as_str(), answer.offset, answer.length), ("456789", 4, Some(10)));
        let refused = |url: String| files.get(&url, 0).expect_err("it is none").to_string();
        for (url, wanted) in [
            (format!("{base}/c"), "not found"),
            (format!("{base}/a%20b/c"), "not found"),
            (base.clone(), "no regular file"),
            (format!("{base}/pipe"), "no regular file"),
            (format!("{base}/%2"), "no absolute path"),
            (format!("{base}/%+1"), "no absolute path"),
            ("file://a".to_owned(), "no absolute path"),
            ("http://example.org/".to_owned(), "offline"),
        ] {
            assert!(refused(url.clone()).contains(wanted), "{url}: {}", refused(url.clone()));
        }
    }
}
