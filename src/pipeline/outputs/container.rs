//! The root as a container image: the layers of [`image::oci`], and the documents that say what they are.

use std::collections::BTreeMap;
use std::fs;

use super::Outputs;
use crate::deb::date;
use crate::digest::HashWriter;
use crate::digest::Sha256;
use crate::error::Error;
use crate::format::compress;
use crate::format::compress::Compression;
use crate::format::oci;
use crate::host::fault::at;
use crate::image;
use crate::manifest::OutputRecord;
use crate::pipeline::Image;
use crate::recipe::Recipe;
use crate::tree::Content;
use crate::tree::Tree;
use crate::tree::TreePath;

/// Where a container's programs are looked for.
const SEARCH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

impl Outputs {
    /// Writes the root as a container image.
    pub(super) fn container(&mut self, path: &str, recipe: &Recipe, image: &Image) -> Result<(), Error> {
        let blobs = format!("{path}/blobs/sha256");
        for directory in [path, &format!("{path}/blobs"), &blobs] {
            self.make_directory(directory)?;
        }
        let packages = image.system.installed.packages.iter();
        let sources: BTreeMap<&str, &str> =
            packages.map(|package| (package.name.as_str(), package.source.as_str())).collect();
        let epoch = image.system.lock.epoch;
        // What has the image's own time (links of the merged /usr, which a package ships as directories) gets another one
        // with each image: it is none of a package's.
        let is_older = |path: &TreePath| image.tree.get(path).is_some_and(|inode| inode.stat.mtime < epoch);
        let source = |path: &TreePath| {
            let package = image.system.installed.origins.package(path).filter(|_| is_older(path))?;
            sources.get(package).copied()
        };
        let created = date::iso(epoch);
        let (mut layers, mut diff_ids, mut history) = (Vec::new(), Vec::new(), Vec::new());
        for layer in image::oci::layers(&image.tree, &source) {
            let (descriptor, diff_id) = self.layer(&blobs, &image.tree, &layer)?;
            layers.push(descriptor);
            diff_ids.push(oci::Digest(diff_id));
            let sources = layer.sources.iter().copied().collect::<Vec<_>>().join(", ");
            let what = if sources.is_empty() { "what was configured, and the overlay".to_owned() } else { sources };
            history.push(oci::History { created: created.clone(), created_by: format!("imgbuild: {what}") });
        }
        let title = image.name.as_ref().map_or_else(|| recipe.name.clone(), |name| format!("{}.{name}", recipe.name));
        let mut labels: BTreeMap<String, String> =
            [(oci::TITLE.to_owned(), title), ("imgbuild.tree".to_owned(), image.digest.to_string())].into();
        labels.extend(recipe.supplier.iter().map(|name| ("org.opencontainers.image.vendor".to_owned(), name.clone())));
        let shell = ["bin/bash", "bin/sh"].into_iter().find(|path| image.tree.lookup(path.as_bytes()).is_some());
        let platform = oci::Platform::of(&recipe.debian.architecture);
        let config = oci::Config {
            created,
            architecture: platform.architecture.clone(),
            variant: platform.variant.clone(),
            os: platform.os.clone(),
            config: oci::Execution {
                env: vec![format!("PATH={SEARCH}")],
                cmd: shell.iter().map(|path| format!("/{path}")).collect(),
                labels: labels.clone(),
            },
            rootfs: oci::RootFs { kind: "layers".to_owned(), diff_ids },
            history,
        };
        let config = self.blob(&blobs, oci::CONFIG, config.to_json())?;
        let manifest = self.blob(&blobs, oci::MANIFEST, oci::Manifest::of_image(config, layers, labels).to_json())?;
        // Readers of layouts ask for a name.
        let annotations = [(oci::NAME.to_owned(), "latest".to_owned())].into();
        let index = oci::Index::of(vec![oci::Descriptor { platform: Some(platform), annotations, ..manifest }]);
        self.content(&format!("{path}/index.json"), &Content::from_bytes(index.to_json()))?;
        self.text(&format!("{path}/oci-layout"), oci::LAYOUT)
    }

    /// Writes a layer, which is called by its digest when it is whole. With it, its digest before it was compressed.
    fn layer(
        &mut self,
        blobs: &str,
        tree: &Tree,
        layer: &image::oci::Layer<'_>,
    ) -> Result<(oci::Descriptor, Sha256), Error> {
        let (unfinished, cancel) = (format!("{blobs}/layer"), self.cancel.clone());
        let mut diff_id = None;
        self.file(&unfinished, |output| {
            let failed = |source| image::Error::Write { format: "oci", source };
            let encoder = compress::encoder(Compression::Gzip, 1, output).map_err(failed)?;
            let mut hash = HashWriter::new(encoder.cancelled_by(&cancel));
            image::oci::write_layer(tree, layer, &mut hash)?;
            let (sha256, _, encoder) = hash.finish();
            encoder.finish().map_err(failed)?;
            diff_id = Some(sha256);
            Ok(())
        })?;
        let (sha256, size) = self.written.pop().and_then(|record| record.content()).expect("it was just written");
        let path = format!("{blobs}/{sha256}");
        let root = self.staging.path();
        let renamed = at("rename").and_then(|()| fs::rename(root.join(&unfinished), root.join(&path)));
        renamed.map_err(|source| Error::Write { path: path.clone().into(), source })?;
        self.written.push(OutputRecord::file(path, size, sha256));
        Ok((oci::Descriptor::new(oci::LAYER, sha256, size), diff_id.expect("it was just written")))
    }

    fn blob(&mut self, blobs: &str, media_type: &str, bytes: Vec<u8>) -> Result<oci::Descriptor, Error> {
        let descriptor = oci::Descriptor::of(media_type, &bytes);
        self.content(&format!("{blobs}/{}", descriptor.digest.0), &Content::from_bytes(bytes))?;
        Ok(descriptor)
    }
}
