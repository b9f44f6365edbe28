//! The last step: everything written into one directory, which appears as a whole.

mod container;

use std::collections::BTreeMap;
use std::fs;
use std::fs::File;
use std::io;
use std::io::BufWriter;
use std::io::Seek;
use std::io::SeekFrom;
use std::io::Write;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use super::Image;
use super::Request;
use super::boot::Boot;
use super::kept::Made;
use super::kept::Part;
use super::kept::Parts;
use super::kept::Previous;
use super::kept::Seen;
use super::output::MANIFEST;
use crate::cancel::Asking;
use crate::cancel::Cancel;
use crate::digest::HashWriter;
use crate::digest::Sha256;
use crate::error::Error;
use crate::format::compress;
use crate::format::compress::Compression;
use crate::head::RamImage;
use crate::head::Role;
use crate::host::Dir;
use crate::host::Event;
use crate::host::Host;
use crate::host::Reporter;
use crate::host::Stage;
use crate::host::Store;
use crate::host::StoreError;
use crate::host::fault::Faulty;
use crate::host::fault::at;
use crate::host::output::Staging;
use crate::image;
use crate::image::Former;
use crate::image::Owners;
use crate::image::Xattrs;
use crate::image::erofs;
use crate::image::squashfs;
use crate::initramfs::Questions;
use crate::manifest::Bill;
use crate::manifest::DIRECTORY_MODE;
use crate::manifest::FILE_MODE;
use crate::manifest::Manifest;
use crate::manifest::OutputRecord;
use crate::manifest::provenance;
use crate::recipe::Format;
use crate::recipe::Lock;
use crate::recipe::Recipe;
use crate::tree;
use crate::tree::Content;
use crate::tree::Inode;
use crate::tree::Kind;
use crate::tree::Layout;
use crate::tree::Tree;

/// The kind of the records of where files lie in a root that was written.
const LAYOUT: &str = "layout-1";
/// The kind of the records of what an initramfs depends on.
const QUESTIONS: &str = "questions-1";

/// Where an image's initramfs lies among its outputs.
const INITRAMFS: &str = "boot/initrd.img";
/// Where a disk lies that its nodes boot from.
const STICK: &str = "boot/stick.img";

/// Outputs that have appeared.
pub(super) struct Published {
    /// The files by path.
    pub(super) outputs: Vec<OutputRecord>,
    pub(super) parts: Parts,
    /// How their directory looked, and itself, wherever it is now; `None`: nobody can tell.
    pub(super) seen: Option<(Seen, Dir)>,
}

/// Outputs that are being written; nobody sees them before [`Outputs::publish`].
pub(super) struct Outputs {
    staging: Staging,
    jobs: usize,
    cancel: Cancel,
    reporter: Arc<dyn Reporter>,
    written: Vec<OutputRecord>,
    /// The output before, whose parts are taken where they are the same.
    previous: Option<Previous>,
    /// Where it is remembered how parts are made up.
    store: Arc<dyn Store>,
    /// The building program, if parts are to be found again.
    program: Option<String>,
    parts: Parts,
    /// Where the outputs of the image lie that is written: `NAME/`, or nowhere else for one without a name.
    below: String,
}

impl Outputs {
    /// Starts what will appear as `directory`, beside or in place of the output `previous`.
    pub(super) fn new(
        host: &Host,
        request: &Request<'_>,
        directory: &Path,
        previous: Option<Previous>,
    ) -> Result<Self, Error> {
        let cancel = host.cancel();
        Ok(Self {
            staging: Staging::new(directory)?.cancelled_by(&cancel),
            jobs: host.jobs,
            cancel,
            reporter: Arc::clone(&host.reporter),
            written: Vec::new(),
            previous,
            store: Arc::clone(&host.store),
            program: request.keep.map(|keep| keep.program.to_owned()),
            parts: Parts::new(),
            below: String::new(),
        })
    }

    /// The digest of what decides a part; `None` where none is to be found again.
    pub(super) fn key(&self, inputs: &impl Serialize) -> Option<Sha256> {
        let program = self.program.as_ref()?;
        Some(Sha256::of(&serde_json::to_vec(&(program, inputs)).expect("plain data has a JSON form")))
    }

    /// The initramfs as the bytes that a boot loader loads, in a file without a name: packing it is when a build needs the
    /// most memory, and several outputs have it.
    pub(super) fn initramfs(&self, tree: &Tree, compression: Compression) -> Result<Content, Error> {
        let failed = |source| image::Error::Write { format: "initramfs", source };
        // zstd is done in less than a second, and each of its threads takes 20 MB or more.
        let threads = if compression == Compression::Zstd { 1 } else { threads(self.jobs) };
        let file = tempfile::tempfile_in(self.staging.path()).map_err(failed)?;
        let file = BufWriter::with_capacity(1 << 18, file);
        let encoder = compress::encoder(compression, threads, HashWriter::new(file)).map_err(failed)?;
        let mut encoder = encoder.cancelled_by(&self.cancel);
        // No attribute is needed before the root is mounted, and newc has no place for one.
        image::write_newc(tree, Xattrs::Dropped, &mut encoder)?;
        let (sha256, size, file) = encoder.finish().map_err(failed)?.finish();
        let file = file.into_inner().map_err(|error| failed(error.into_error()))?;
        Ok(Content::from_blob(Arc::new(file), 0, size, sha256))
    }

    /// The initramfs of the output before, if it is the one that one of these keys is of.
    pub(super) fn previous_initramfs(&self, key: Option<Sha256>) -> Option<(Content, Made)> {
        let path = format!("{}{INITRAMFS}", self.below);
        let same = self.previous.as_ref()?.same(&path, &[key?])?;
        let made = same.initramfs.clone()?;
        Some((same.content()?, made))
    }

    /// What was asked of a root to make the initramfs of the output before.
    pub(super) fn previous_questions(&self) -> Option<Questions> {
        let (_, sha256) = self.previous.as_ref()?.former(&format!("{}{INITRAMFS}", self.below))?;
        let packed = self.store.record(QUESTIONS, &self.key(&("questions", sha256))?.to_string()).ok()??;
        serde_json::from_slice(&zstd::decode_all(packed.as_slice()).ok()?).ok()
    }

    /// Notes what was asked of a root to make the initramfs that was written last.
    fn remember_questions(&self, asked: &Questions) -> Result<(), Error> {
        let Some((sha256, _)) = self.written.last().and_then(OutputRecord::content) else { return Ok(()) };
        let Some(key) = self.key(&("questions", sha256)) else { return Ok(()) };
        let json = serde_json::to_vec(asked).expect("plain data has a JSON form");
        let packed = zstd::encode_all(json.as_slice(), 1).expect("memory can be compressed");
        self.noted(self.store.set_record(QUESTIONS, &key.to_string(), &packed))
    }

    fn noted(&self, done: Result<(), StoreError>) -> Result<(), Error> {
        super::noted(self.reporter.as_ref(), &self.cancel, done)
    }

    /// Writes the file of these keys, or takes that of the output before.
    fn part(
        &mut self,
        path: &str,
        part: Part,
        write: impl FnOnce(&mut Self) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let same = self.previous.as_ref().and_then(|previous| {
            let same = previous.same(path, part.keys())?;
            previous.link(&same, &self.staging.path().join(path)).then_some(same)
        });
        match same {
            Some(same) => self.written.push(same.record),
            None => write(self)?,
        }
        if !part.keys().is_empty() {
            self.parts.insert(path.to_owned(), part);
        }
        Ok(())
    }

    /// What is written from now on is of this image; `None`: of none, or of the only one.
    pub(super) fn of_image(&mut self, image: Option<&str>) -> Result<(), Error> {
        self.below = image.map_or_else(String::new, |image| format!("{image}/"));
        match image {
            Some(image) if self.written.iter().all(|record| record.path() != image) => self.make_directory(image),
            _ => Ok(()),
        }
    }

    /// Writes the root in all formats of the recipe.
    pub(super) fn roots(&mut self, recipe: &Recipe, image: &Image) -> Result<(), Error> {
        let epoch = image.system.lock.epoch;
        recipe.formats.iter().try_for_each(|format| {
            let key = self.key(&("root", format, &recipe.lossy, epoch, image.digest));
            let part = Part::new(key.into_iter().collect(), None);
            let root = |outputs: &mut Self| outputs.root(*format, recipe, image);
            // A directory has as many files as the root: it is written, and not one by one looked at.
            if matches!(format, Format::Directory | Format::Oci) {
                return root(self);
            }
            self.part(&format!("{}{}", self.below, format.name()), part, root)
        })
    }

    /// The root in one file, if a format is one that a node's kernel mounts. Of two it is the erofs: that one also
    /// has the same file handles on every head that exports it.
    pub(super) fn ram_image(&self) -> Option<RamImage> {
        let of = |name: &str| {
            let path = format!("{}{name}", self.below);
            let (sha256, size) = self.written.iter().find(|record| record.path() == path)?.content()?;
            Some(RamImage { name: name.to_owned(), sha256, size })
        };
        of("root.erofs").or_else(|| of("root.squashfs"))
    }

    /// Writes what nodes load before they have a root.
    pub(super) fn boot(&mut self, boot: &Boot) -> Result<(), Error> {
        let directory = format!("{}boot", self.below);
        self.make_directory(&directory)?;
        self.content(&format!("{directory}/vmlinuz"), &boot.kernel)?;
        let path = format!("{}{INITRAMFS}", self.below);
        let part = Part::new(boot.keys.clone(), Some(boot.made.clone()));
        self.part(&path, part, |outputs| outputs.content(&path, &boot.initramfs))?;
        self.remember_questions(&boot.asked)
    }

    /// Writes the disk that nodes boot from instead of the network.
    pub(super) fn stick(&mut self, files: &Tree) -> Result<(), Error> {
        let path = format!("{}{STICK}", self.below);
        let failed = |source| Error::Write { path: path.as_str().into(), source };
        let told = self.create(&path).map_err(failed)?.into_inner().map_err(|error| failed(error.into_error()))?;
        let mut output = self.cancel.writer(told);
        image::write_disk(files, &mut output)?;
        self.finished(&path, output.into_inner())
    }

    /// Writes the heads' files. What nodes load lies with their image already, and gets another name there.
    pub(super) fn heads(&mut self, heads: &[(Role, Tree)]) -> Result<(), Error> {
        let with_an_image = |record: &OutputRecord| match record {
            OutputRecord::File { path, mode: FILE_MODE, sha256, .. } => Some((*sha256, self.staging.path().join(path))),
            _ => None,
        };
        let there: BTreeMap<Sha256, PathBuf> = self.written.iter().filter_map(with_an_image).collect();
        let elsewhere = |inode: &Inode| match &inode.kind {
            Kind::File(content) if inode.stat.mode == FILE_MODE => there.get(content.sha256()).map(PathBuf::as_path),
            _ => None,
        };
        for (role, head) in heads {
            self.directory(role.directory(), head, Owners::Dropped, &elsewhere)?;
            let records = head.iter().map(|(path, _, inode)| record(&format!("{}{path}", role.directory()), inode));
            self.written.extend(records.collect::<Result<Vec<_>, Error>>()?);
        }
        Ok(())
    }

    /// Writes what says what is inside of one of several images: its directory is an output by itself.
    pub(super) fn image(&mut self, recipe: &Recipe, tree: &Tree, mut manifest: Manifest) -> Result<(), Error> {
        let below = self.below.clone();
        self.text(&format!("{below}tree.txt"), &tree::dump(tree))?;
        manifest.outputs = self.own(&below);
        self.bills(&below, &manifest, tree, recipe)?;
        manifest.outputs = self.own(&below);
        self.text(&format!("{below}{MANIFEST}"), &manifest.to_json())
    }

    /// Writes the bills of materials of an image.
    fn bills(&mut self, below: &str, manifest: &Manifest, tree: &Tree, recipe: &Recipe) -> Result<(), Error> {
        let bill = Bill::new(manifest, tree, recipe.supplier.as_deref());
        self.text(&format!("{below}sbom.spdx.json"), &bill.spdx())?;
        self.text(&format!("{below}sbom.cdx.json"), &bill.cyclonedx())
    }

    /// The records of what lies in an image's directory, by their paths there.
    fn own(&self, below: &str) -> Vec<OutputRecord> {
        self.written.iter().filter_map(|record| record.below(below)).collect()
    }

    /// Writes what says what is inside of the whole, and makes all of it appear. Returns the files by path. `tree`: its
    /// text, and itself where there is one image.
    pub(super) fn publish(
        mut self,
        request: &Request<'_>,
        (tree, image): (&str, Option<&Tree>),
        lock: &Lock,
        mut manifest: Manifest,
    ) -> Result<Published, Error> {
        self.text("tree.txt", tree)?;
        self.text(&format!("{}.lock", request.recipe.name), &lock.to_text())?;
        if let Some(image) = image {
            self.bills("", &manifest, image, request.recipe)?;
        }
        manifest.outputs.clone_from(&self.written);
        self.text(MANIFEST, &manifest.to_json())?;
        if let Some(signer) = request.signer {
            self.text(provenance::FILE, &provenance::provenance(&manifest, &request.recipe.digest, signer))?;
        }
        self.written.sort_by(|one, other| one.path().cmp(other.path()));
        if let Some(path) = self.previous.as_ref().and_then(Previous::written_to) {
            let source = io::Error::other("the file of the output before was written to meanwhile: build once more");
            return Err(Error::Write { path: path.into(), source });
        }
        // Another build may put its own output at the same place at any time: what is remembered is of this directory.
        let directory = Dir::open(self.staging.path());
        let seen = directory.and_then(|directory| Ok((Seen::of(&directory, &self.cancel)?, directory)));
        self.staging.publish()?;
        Ok(Published { outputs: self.written, parts: self.parts, seen: seen.ok() })
    }

    /// Writes the root tree in one format.
    fn root(&mut self, format: Format, recipe: &Recipe, image: &Image) -> Result<(), Error> {
        let (tree, epoch) = (&image.tree, image.system.lock.epoch);
        let xattrs = if recipe.lossy.iter().any(|what| what == "xattrs") { Xattrs::Dropped } else { Xattrs::Refused };
        let path = format!("{}{}", self.below, format.name());
        match format {
            Format::Tar => self.tar(&path, Compression::None, tree),
            Format::TarZst => self.tar(&path, Compression::Zstd, tree),
            Format::TarXz => self.tar(&path, Compression::Xz, tree),
            Format::TarGz => self.tar(&path, Compression::Gzip, tree),
            Format::Directory => {
                self.directory(&path, tree, Owners::Kept, &|_| None)?;
                self.written.push(OutputRecord::Tree { path });
                Ok(())
            }
            Format::Newc => self.file(&path, |output| Ok(image::write_newc(tree, xattrs, output)?)),
            Format::Squashfs => {
                let mut options = squashfs::Options::default();
                (options.xattrs, options.epoch, options.jobs) = (xattrs, epoch, self.jobs);
                options.cancel = self.cancel.clone();
                options.former = self.former(&path);
                self.block_image(&path, |output| Ok(image::write_squashfs(tree, &options, output)?))
            }
            Format::Erofs => {
                let mut options = erofs::Options::default();
                (options.xattrs, options.epoch, options.jobs) = (xattrs, epoch, self.jobs);
                options.cancel = self.cancel.clone();
                options.former = self.former(&path);
                self.block_image(&path, |output| Ok(image::write_erofs(tree, &options, output)?))
            }
            Format::Oci => self.container(&path, recipe, image),
        }
    }

    fn tar(&mut self, path: &str, compression: Compression, tree: &Tree) -> Result<(), Error> {
        let (threads, cancel) = (threads(self.jobs), self.cancel.clone());
        let is_plain = compression == Compression::None;
        // What is in the tar before need not be looked for in the cache, where all of it would be hashed.
        let within = self.former(path).filter(|_| is_plain).map(|former| former.within(tree));
        let (tree, mut layout) = (within.as_ref().unwrap_or(tree), Layout::default());
        self.file(path, |output| {
            let failed = |source| image::Error::Write { format: "tar", source };
            let encoder = compress::encoder(compression, threads, output).map_err(failed)?;
            let mut encoder = encoder.cancelled_by(&cancel);
            layout = image::write_tar(tree, &mut encoder)?;
            encoder.finish().map_err(failed)?;
            Ok(())
        })?;
        if is_plain { self.remember(&layout) } else { Ok(()) }
    }

    /// The file of the output before, with where the files lie in it, if both are still there.
    fn former(&self, path: &str) -> Option<Former> {
        let (image, sha256) = self.previous.as_ref()?.former(path)?;
        let key = self.key(&("layout", sha256))?;
        let record = self.store.record(LAYOUT, &key.to_string()).ok()??;
        Some(Former::new(image, Layout::parse(&record)?))
    }

    /// Notes where the files lie in the file that was written last.
    fn remember(&self, layout: &Layout) -> Result<(), Error> {
        let written = self.written.last().and_then(OutputRecord::content);
        let key = written.and_then(|(sha256, _)| self.key(&("layout", sha256)));
        key.map_or(Ok(()), |key| self.noted(self.store.set_record(LAYOUT, &key.to_string(), &layout.to_bytes())))
    }

    fn directory<'a>(
        &self,
        path: &str,
        tree: &Tree,
        owners: Owners,
        elsewhere: &dyn Fn(&Inode) -> Option<&'a Path>,
    ) -> Result<(), Error> {
        let on_host = self.staging.path().join(path);
        let made = at("make").and_then(|()| fs::create_dir(&on_host));
        made.map_err(|source| Error::Write { path: path.into(), source })?;
        Ok(image::write_directory_beside(tree, &on_host, owners, elsewhere, &self.cancel)?)
    }

    fn make_directory(&mut self, path: &str) -> Result<(), Error> {
        let on_host = self.staging.path().join(path);
        let made = at("make").and_then(|()| fs::create_dir(&on_host));
        let made = made.and_then(|()| fs::set_permissions(&on_host, fs::Permissions::from_mode(DIRECTORY_MODE)));
        made.map_err(|source| Error::Write { path: path.into(), source })?;
        self.written.push(OutputRecord::Directory { path: path.to_owned(), mode: DIRECTORY_MODE });
        Ok(())
    }

    fn content(&mut self, path: &str, content: &Content) -> Result<(), Error> {
        self.file(path, |output| {
            let copied = io::copy(&mut content.reader(), output);
            copied.map(drop).map_err(|source| Error::Write { path: path.into(), source })
        })
    }

    fn text(&mut self, path: &str, text: &str) -> Result<(), Error> {
        self.content(path, &Content::from_bytes(text))
    }

    /// Writes one file, hashing what is written.
    fn file(&mut self, path: &str, fill: impl FnOnce(&mut dyn Write) -> Result<(), Error>) -> Result<(), Error> {
        let failed = |source| Error::Write { path: path.into(), source };
        let mut output = HashWriter::new(self.cancel.writer(self.create(path).map_err(failed)?));
        fill(&mut output)?;
        output.flush().map_err(failed)?;
        let (sha256, size, _) = output.finish();
        self.written.push(OutputRecord::file(path, size, sha256));
        Ok(())
    }

    /// Writes one file in an order of its own, and hashes it when it is whole.
    fn block_image(
        &mut self,
        path: &str,
        fill: impl FnOnce(&mut Asking<Written>) -> Result<Layout, Error>,
    ) -> Result<(), Error> {
        let failed = |source| Error::Write { path: path.into(), source };
        let mut output = self.cancel.writer(self.create(path).map_err(failed)?);
        let layout = fill(&mut output)?;
        let told = output.into_inner().into_inner().map_err(|error| failed(error.into_error()))?;
        self.finished(path, told)?;
        self.remember(&layout)
    }

    /// A file that is whole, and that was not written from its beginning to its end.
    fn finished(&mut self, path: &str, told: Told<Faulty<File>>) -> Result<(), Error> {
        let failed = |source| Error::Write { path: path.into(), source };
        let Faulty(mut file) = told.inner;
        file.rewind().map_err(failed)?;
        let (sha256, size) = Sha256::of_reader(&mut self.cancel.reader(file)).map_err(failed)?;
        self.written.push(OutputRecord::file(path, size, sha256));
        Ok(())
    }

    fn create(&self, path: &str) -> io::Result<Written> {
        let on_host = self.staging.path().join(path);
        at("create")?;
        let file = File::options().read(true).write(true).create_new(true).open(&on_host)?;
        // Whatever the umask: the manifest says it.
        file.set_permissions(fs::Permissions::from_mode(FILE_MODE))?;
        let told = Told { inner: Faulty(file), reporter: Arc::clone(&self.reporter) };
        Ok(BufWriter::with_capacity(1 << 20, told))
    }
}

/// A file of the output while it is written.
type Written = BufWriter<Told<Faulty<File>>>;

/// A writer that tells how far it is.
struct Told<W> {
    inner: W,
    reporter: Arc<dyn Reporter>,
}

impl<W: Write> Write for Told<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.reporter.event(&Event::StageProgress { stage: Stage::Write, done: written as u64 });
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<R: io::Read> io::Read for Told<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer)
    }
}

impl<W: Seek> Seek for Told<W> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}

/// What the manifest says of a path of a head's files.
fn record(path: &str, inode: &Inode) -> Result<OutputRecord, Error> {
    let path = path.trim_end_matches('/').to_owned();
    match &inode.kind {
        Kind::Directory => Ok(OutputRecord::Directory { path, mode: inode.stat.mode }),
        Kind::File(content) => {
            let (mode, size, sha256) = (inode.stat.mode, content.size(), *content.sha256());
            Ok(OutputRecord::File { path, mode, size, sha256 })
        }
        Kind::Symlink(target) => match String::from_utf8(target.clone()) {
            Ok(target) => Ok(OutputRecord::Link { path, target }),
            Err(error) => {
                Err(Error::Write { path: path.into(), source: io::Error::new(io::ErrorKind::InvalidData, error) })
            }
        },
        _ => Err(Error::Write { path: path.into(), source: io::Error::other("a head has no such file") }),
    }
}

fn threads(jobs: usize) -> u32 {
    u32::try_from(jobs).unwrap_or(u32::MAX)
}
