//! A tree that goes into the sandbox, and comes back as a command has left it.

use std::collections::BTreeMap;
use std::io;
use std::io::Read;
use std::io::Write;
use std::sync::Arc;

use super::Event;
use super::Host;
use super::SandboxError;
use super::SandboxJob;
use super::StoreError;
use crate::digest::HashWriter;
use crate::digest::Sha256;
use crate::format::shown::shown;
use crate::tree::Content;
use crate::tree::Kind;
use crate::tree::Tree;
use crate::tree::TreePath;
use crate::tree::tar;

/// A program in the place of `date`, whose clock stands still, as it does where scripts are followed. The real one lies at
/// `real` meanwhile, and is asked where the caller brings a time.
#[must_use]
pub fn still_clock(epoch: i64, real: &str) -> String {
    format!(
        "#!/bin/sh\nfor word; do\n    case $word in\n        -d* | -r* | -s* | -f* | -u[drsf]* | --da* | --re* | --se* | --f*) \
         exec {real} \"$@\" ;;\n    esac\ndone\nexec {real} -d @{epoch} \"$@\"\n"
    )
}

/// Why no tree came back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The command ended otherwise than well.
    #[error("it ended with {how}; its last words:\n{said}")]
    Failed {
        /// With what.
        how: String,
        /// Its last lines.
        said: String,
    },
    /// There is no sandbox, or it ended the command.
    #[error(transparent)]
    Sandbox(SandboxError),
    /// What came back is no tree.
    #[error("cannot read what came back")]
    ReadBack(#[source] tar::Error),
}

/// Runs a job in `tree`, and reads back what it has made of it. `source` is whose lines it prints, for who is told.
///
/// # Errors
/// See [`RunError`].
pub fn run_in(host: &Host, tree: &Tree, job: &SandboxJob, source: &str) -> Result<Tree, RunError> {
    let pipe = || io::pipe().map_err(|source| RunError::Sandbox(SandboxError::Io(source)));
    let (mut input, feed) = pipe()?;
    let (drain, mut output) = pipe()?;
    let mut log = Log { host, source, line: Vec::new(), tail: Vec::new() };
    let (ran, back) = std::thread::scope(|scope| {
        // A sandbox that ends early closes the pipe; why it ended is its own result.
        scope.spawn(move || tar::write(tree, io::BufWriter::with_capacity(256 << 10, feed)).ok());
        let back = scope.spawn(move || read_back(host, tree, drain));
        let ran = host.sandbox.run(job, &mut input, &mut output, &mut log);
        drop((input, output));
        (ran, back.join().expect("reading a tree does not panic"))
    });
    log.end_line();
    match ran {
        Ok(()) => back.map_err(RunError::ReadBack),
        Err(SandboxError::Failed(how)) => Err(RunError::Failed { how: shown(&how), said: log.tail.join("\n") }),
        Err(other) => Err(RunError::Sandbox(other)),
    }
}

/// Files up to this size are looked at in memory before they are kept a second time.
const COMPARED_MAX: u64 = 16 << 20;

/// Reads the root that comes back. What `original` had already keeps its place in the store; all else goes into
/// one new blob.
fn read_back(host: &Host, original: &Tree, drain: impl Read) -> Result<Tree, tar::Error> {
    let known: BTreeMap<&Sha256, &Content> =
        original.iter().filter_map(|(.., inode)| inode.content()).map(|content| (content.sha256(), content)).collect();
    let mut writer = host.store.writer().map_err(not_kept)?;
    // Where the new bytes lie is known only when their blob is whole: until then, offsets stand in.
    let mut offset = 0;
    let mut ranges: BTreeMap<Sha256, u64> = BTreeMap::new();
    let mut keep = |reader: &mut dyn Read, size: u64| {
        if size <= COMPARED_MAX {
            let mut bytes = Vec::new();
            reader.read_to_end(&mut bytes)?;
            let sha256 = Sha256::of(&bytes);
            if let Some(content) = known.get(&sha256) {
                return Ok((*content).clone());
            }
            writer.write_all(&bytes)?;
            ranges.entry(sha256).or_insert(offset);
            offset += size;
            return Ok(placeholder(sha256, size));
        }
        let mut hashing = HashWriter::new(&mut *writer);
        io::copy(reader, &mut hashing)?;
        let (sha256, ..) = hashing.finish();
        ranges.entry(sha256).or_insert(offset);
        offset += size;
        Ok(placeholder(sha256, size))
    };
    let mut tree = tar::read(io::BufReader::with_capacity(256 << 10, drain), &mut keep)?;
    let blob = writer.commit(None).map_err(not_kept)?;
    let paths: Vec<TreePath> = tree.iter().map(|(path, ..)| path.clone()).collect();
    for path in paths {
        let inode = tree.get_mut(&path).expect("it was just listed");
        if let Kind::File(content) = &mut inode.kind
            && let Some(&start) = ranges.get(content.sha256())
        {
            *content = Content::from_blob(Arc::clone(&blob.blob), start, content.size(), *content.sha256());
        }
    }
    Ok(tree)
}

fn placeholder(sha256: Sha256, size: u64) -> Content {
    Content::from_blob(Arc::new(Vec::new()), 0, size, sha256)
}

fn not_kept(error: StoreError) -> tar::Error {
    crate::format::tar::Error::from(io::Error::other(error)).into()
}

/// The lines that a command prints: events as they come, the last ones for an error.
struct Log<'a> {
    host: &'a Host,
    source: &'a str,
    line: Vec<u8>,
    tail: Vec<String>,
}

impl Log<'_> {
    /// Lines that an error shows.
    const TAIL: usize = 20;
    /// A line that is longer is cut.
    const LINE_MAX: usize = 4096;

    fn end_line(&mut self) {
        if self.line.is_empty() {
            return;
        }
        let line = shown(&self.line);
        self.line.clear();
        self.host.reporter.event(&Event::Output { source: self.source, line: &line });
        if self.tail.len() == Self::TAIL {
            self.tail.remove(0);
        }
        self.tail.push(line);
    }
}

impl Write for Log<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for &byte in bytes {
            if byte == b'\n' {
                self.end_line();
            } else if self.line.len() < Self::LINE_MAX {
                self.line.push(byte);
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
