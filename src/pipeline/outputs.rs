//! The last step: everything written into one directory, which appears as a whole.

use std::fs;
use std::fs::File;
use std::io;
use std::io::BufWriter;
use std::io::Seek;
use std::io::Write;
use std::path::Path;

use super::Image;
use super::Request;
use crate::digest::HashWriter;
use crate::digest::Sha256;
use crate::error::Error;
use crate::format::compress;
use crate::format::compress::Compression;
use crate::host::Host;
use crate::host::fault::Faulty;
use crate::host::fault::at;
use crate::host::output::Staging;
use crate::image;
use crate::image::Owners;
use crate::image::Xattrs;
use crate::image::erofs;
use crate::image::squashfs;
use crate::manifest::OutputRecord;
use crate::manifest::provenance;
use crate::manifest::sbom;
use crate::recipe::Format;
use crate::tree;
use crate::tree::Content;
use crate::tree::Tree;

/// Writes all outputs and makes `directory` of them. Returns the files by path.
pub(super) fn write(
    host: &Host,
    request: &Request<'_>,
    image: Image,
    directory: &Path,
) -> Result<Vec<OutputRecord>, Error> {
    let recipe = request.recipe;
    let staging = Staging::new(directory)?;
    let mut writer = Outputs { directory: staging.path(), jobs: host.jobs, written: Vec::new() };
    for format in &recipe.formats {
        writer.root(*format, &image.tree, &recipe.lossy, image.lock.epoch)?;
    }
    if let Some(boot) = &image.boot {
        writer.content("boot/vmlinuz", &boot.kernel)?;
        writer.content("boot/initrd.img", &boot.initramfs)?;
    }
    if let Some(head) = &image.head {
        writer.directory("head", head, Owners::Dropped)?;
        writer.files_of("head", head);
    }
    writer.text("tree.txt", &tree::dump(&image.tree))?;
    writer.text(&format!("{}.lock", recipe.name), &image.lock.to_text())?;
    let mut manifest = image.manifest;
    manifest.outputs.clone_from(&writer.written);
    writer.text("sbom.spdx.json", &sbom(&manifest))?;
    manifest.outputs.clone_from(&writer.written);
    writer.text("manifest.json", &manifest.to_json())?;
    if let Some(signer) = request.signer {
        writer.text(provenance::FILE, &provenance::provenance(&manifest, &recipe.digest, signer))?;
    }
    let mut outputs = writer.written;
    outputs.sort();
    staging.publish()?;
    Ok(outputs)
}

/// The initramfs as the bytes that a boot loader loads.
pub(super) fn initramfs(tree: &Tree, compression: Compression, jobs: usize) -> Result<Content, Error> {
    let failed = |source| image::Error::Write { format: "initramfs", source };
    let mut encoder = compress::encoder(compression, threads(jobs), Vec::new()).map_err(failed)?;
    // No attribute is needed before the root is mounted, and newc has no place for one.
    image::write_newc(tree, Xattrs::Dropped, &mut encoder)?;
    Ok(Content::from_bytes(encoder.finish().map_err(failed)?))
}

struct Outputs<'a> {
    directory: &'a Path,
    jobs: usize,
    written: Vec<OutputRecord>,
}

impl Outputs<'_> {
    /// Writes the root tree in one format; `epoch` is the time of an image that has one of its own.
    fn root(&mut self, format: Format, tree: &Tree, lossy: &[String], epoch: i64) -> Result<(), Error> {
        let xattrs = if lossy.iter().any(|what| what == "xattrs") { Xattrs::Dropped } else { Xattrs::Refused };
        match format {
            Format::Tar => self.tar("root.tar", Compression::None, tree),
            Format::TarZst => self.tar("root.tar.zst", Compression::Zstd, tree),
            Format::TarXz => self.tar("root.tar.xz", Compression::Xz, tree),
            Format::TarGz => self.tar("root.tar.gz", Compression::Gzip, tree),
            Format::Directory => self.directory("root", tree, Owners::Kept),
            Format::Newc => self.file("root.cpio", |output| Ok(image::write_newc(tree, xattrs, output)?)),
            Format::Squashfs => {
                let mut options = squashfs::Options::default();
                (options.xattrs, options.epoch, options.jobs) = (xattrs, epoch, self.jobs);
                self.image("root.squashfs", |output| Ok(image::write_squashfs(tree, &options, output)?))
            }
            Format::Erofs => {
                let mut options = erofs::Options::default();
                (options.xattrs, options.epoch, options.jobs) = (xattrs, epoch, self.jobs);
                self.image("root.erofs", |output| Ok(image::write_erofs(tree, &options, output)?))
            }
            Format::Oci => Err(Error::Format("oci")),
        }
    }

    fn tar(&mut self, path: &str, compression: Compression, tree: &Tree) -> Result<(), Error> {
        let threads = threads(self.jobs);
        self.file(path, |output| {
            let failed = |source| image::Error::Write { format: "tar", source };
            let mut encoder = compress::encoder(compression, threads, output).map_err(failed)?;
            image::write_tar(tree, &mut encoder)?;
            encoder.finish().map_err(failed)?;
            Ok(())
        })
    }

    fn directory(&self, path: &str, tree: &Tree, owners: Owners) -> Result<(), Error> {
        let on_host = self.directory.join(path);
        let made = at("make").and_then(|()| fs::create_dir(&on_host));
        made.map_err(|source| Error::Write { path: path.into(), source })?;
        Ok(image::write_directory(tree, &on_host, owners)?)
    }

    /// Lists the files of a directory one by one, so that anybody can check them with sha256sum(1).
    fn files_of(&mut self, directory: &str, tree: &Tree) {
        for (path, _, inode) in tree.iter() {
            if let Some(content) = inode.content() {
                let (size, sha256) = (content.size(), *content.sha256());
                self.written.push(OutputRecord { path: format!("{directory}{path}"), size, sha256 });
            }
        }
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
        let mut output = HashWriter::new(self.create(path).map_err(failed)?);
        fill(&mut output)?;
        output.flush().map_err(failed)?;
        let (sha256, size, _) = output.finish();
        self.written.push(OutputRecord { path: path.to_owned(), size, sha256 });
        Ok(())
    }

    /// Writes one file in an order of its own, and hashes it when it is whole.
    fn image(
        &mut self,
        path: &str,
        fill: impl FnOnce(&mut BufWriter<Faulty<File>>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let failed = |source| Error::Write { path: path.into(), source };
        let mut output = self.create(path).map_err(failed)?;
        fill(&mut output)?;
        let Faulty(mut file) = output.into_inner().map_err(|error| failed(error.into_error()))?;
        file.rewind().map_err(failed)?;
        let (sha256, size) = Sha256::of_reader(&mut file).map_err(failed)?;
        self.written.push(OutputRecord { path: path.to_owned(), size, sha256 });
        Ok(())
    }

    fn create(&self, path: &str) -> io::Result<BufWriter<Faulty<File>>> {
        let on_host = self.directory.join(path);
        at("make")?;
        fs::create_dir_all(on_host.parent().expect("it is below the output directory"))?;
        at("create")?;
        let file = File::options().read(true).write(true).create_new(true).open(&on_host)?;
        Ok(BufWriter::with_capacity(1 << 20, Faulty(file)))
    }
}

fn threads(jobs: usize) -> u32 {
    u32::try_from(jobs).unwrap_or(u32::MAX)
}
