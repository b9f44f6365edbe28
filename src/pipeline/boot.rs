//! What machines start with: each image's roots, kernel and initramfs, and the files of the head that offers them.

use std::collections::BTreeMap;

use super::Image;
use super::Request;
use super::choose;
use super::kept::Made;
use super::manifest;
use super::outputs::Outputs;
use super::stage;
use crate::deb::Package;
use crate::digest::Sha256;
use crate::error::Error;
use crate::head;
use crate::head::RamImage;
use crate::head::Role;
use crate::host::Event;
use crate::host::Host;
use crate::host::Stage;
use crate::initramfs;
use crate::initramfs::Questions;
use crate::kernel;
use crate::manifest::InitramfsRecord;
use crate::manifest::Manifest;
use crate::recipe::Diskless;
use crate::recipe::Recipe;
use crate::tree;
use crate::tree::Content;
use crate::tree::Tree;
use crate::unpack;

/// What a node loads before it has a root.
#[derive(Debug)]
pub(super) struct Boot {
    pub(super) kernel: Content,
    pub(super) initramfs: Content,
    pub(super) made: Made,
    /// By which the initramfs is found again.
    pub(super) keys: Vec<Sha256>,
    /// What of the root the initramfs depends on.
    pub(super) asked: Questions,
}

/// Writes what an image is, and returns what its nodes load before they have a root. They know the sum of a root that
/// they take into memory from their initramfs, so the root's own files come first.
pub(super) fn write_image(
    host: &Host,
    recipe: &Recipe,
    image: &Image,
    loaders: &Loaders,
    outputs: &mut Outputs,
) -> Result<Option<(Boot, Option<RamImage>)>, Error> {
    outputs.of_image(image.name.as_deref())?;
    stage(host, Stage::Write, || outputs.roots(recipe, image))?;
    let ram = outputs.ram_image();
    let boot = recipe.diskless.as_ref().map(|diskless| {
        let boot = stage(host, Stage::Initramfs, || make_boot(host, recipe, diskless, image, (ram.as_ref(), outputs)))?;
        outputs.boot(&boot)?;
        Ok::<_, Error>((boot, ram))
    });
    let boot = boot.transpose()?;
    if let Some(input) = head_input(recipe, image, boot.as_ref(), loaders)?.filter(|_| recipe.stick) {
        stage(host, Stage::Stick, || outputs.stick(&head::stick(&input)?))?;
    }
    if image.name.is_some() {
        let initramfs = boot.as_ref().map(|(boot, _)| boot.made.record.clone());
        outputs.image(recipe, &image.tree, Manifest { initramfs, ..manifest(recipe, image, &[]) })?;
    }
    Ok(boot)
}

/// The packages that boot loaders are taken from, with their files; without a head there are none.
#[derive(Debug, Default)]
pub(super) struct Loaders {
    pub(super) packages: Vec<Package>,
    files: Tree,
}

impl Loaders {
    /// All images are for one architecture, and have the same.
    pub(super) fn of(host: &Host, requests: &[Request<'_>], images: &[Image]) -> Result<Self, Error> {
        let (Some(first), Some(request)) = (images.first(), requests.first()) else { return Ok(Self::default()) };
        if requests.iter().all(|request| request.recipe.head.is_none()) {
            return Ok(Self::default());
        }
        let debs = choose::fetch_described(host, &first.system.chosen, &first.system.chosen.loaders)?;
        let architecture = request.recipe.debian.architecture.clone();
        let options = unpack::Options { architecture, ..unpack::Options::default() };
        let files = unpack::unpack(host, &debs, &options, &mut |_, _, _| Ok(()))?.tree;
        Ok(Self { packages: debs.into_iter().map(|deb| deb.package).collect(), files })
    }
}

/// The head's files, if there is one.
pub(super) fn heads(
    host: &Host,
    requests: &[Request<'_>],
    images: &[Image],
    boots: &[Option<(Boot, Option<RamImage>)>],
    loaders: &Loaders,
    outputs: &mut Outputs,
) -> Result<(), Error> {
    if requests.iter().all(|request| request.recipe.head.is_none()) {
        return Ok(());
    }
    let all = requests.iter().zip(images).zip(boots);
    let inputs = all.map(|((request, image), boot)| head_input(request.recipe, image, boot.as_ref(), loaders));
    let inputs = inputs.filter_map(Result::transpose).collect::<Result<_, _>>()?;
    let heads = stage(host, Stage::Head, || Ok(head::bundles(inputs)?))?;
    outputs.heads(&heads)
}

/// What an image's files for the head, and its stick, are made from; none of a recipe without a head.
fn head_input<'a>(
    recipe: &'a Recipe,
    image: &Image,
    boot: Option<&(Boot, Option<RamImage>)>,
    loaders: &'a Loaders,
) -> Result<Option<head::Input<'a>>, Error> {
    let (Some((boot, ram)), Some(head), Some(diskless)) = (boot, &recipe.head, &recipe.diskless) else {
        return Ok(None);
    };
    let raspberry_pi = match recipe.has_raspberry_pis() {
        true => head::raspberry_pi(&image.tree, &boot.made.record.kernel)?,
        false => BTreeMap::new(),
    };
    Ok(Some(head::Input {
        recipe,
        head,
        diskless,
        kernel: boot.kernel.clone(),
        initramfs: boot.initramfs.clone(),
        image: ram.clone(),
        loaders: &loaders.files,
        raspberry_pi,
        root: head::root_generation(&image.digest, ram.as_ref()),
        generation: String::new(),
        role: Role::Head,
    }))
}

/// The kernel, and the initramfs for it: that of the output before, where nothing of it would be another.
fn make_boot(
    host: &Host,
    recipe: &Recipe,
    diskless: &Diskless,
    image: &Image,
    (ram, outputs): (Option<&RamImage>, &Outputs),
) -> Result<Boot, Error> {
    let tree = &image.tree;
    let mut options = initramfs::Options::new(&recipe.debian.architecture, image.system.lock.epoch);
    options.image = ram.map(|ram| (ram.sha256, ram.size));
    options.modules = recipe.initramfs.modules.clone();
    options.root = diskless.root;
    options.links = diskless.link_modules();
    options.skip_hooks = recipe.initramfs.skip_hooks.iter().cloned().collect();
    let compression = recipe.initramfs.compression;
    let key = |asked: &Questions| outputs.key(&("initramfs", asked.answers(tree), format!("{options:?}"), compression));
    let asked = outputs.previous_questions();
    let alike = asked.as_ref().and_then(key);
    let (keys, initramfs, made, asked) = match asked.zip(outputs.previous_initramfs(alike)) {
        Some((asked, (content, made))) => (alike.into_iter().collect(), content, made, asked),
        None => {
            let root = initramfs::Root::new(tree);
            let initramfs = initramfs::assemble_asking(host, &root, &options)?;
            let asked = root.asked();
            let made = Made { record: initramfs_record(&initramfs.report), told: initramfs.report.told() };
            // Compressing costs more than all before it, and most changes of a root are in no initramfs.
            let unpacked = outputs.key(&("initramfs", tree::digest(&initramfs.tree), compression));
            let content = match outputs.previous_initramfs(unpacked) {
                Some((content, _)) => content,
                None => outputs.initramfs(&initramfs.tree, compression)?,
            };
            (key(&asked).into_iter().chain(unpacked).collect(), content, made, asked)
        }
    };
    let version = &made.record.kernel;
    let kernel = kernel::image(tree, version).cloned().ok_or_else(|| Error::Kernel(version.clone()))?;
    for message in &made.told {
        host.reporter.event(&Event::Warning { message });
    }
    Ok(Boot { kernel, initramfs, made, keys, asked })
}

/// For the manifest.
fn initramfs_record(report: &initramfs::Report) -> InitramfsRecord {
    let mut record = InitramfsRecord { kernel: report.kernel.clone(), ..InitramfsRecord::default() };
    let asked = report.skipped_hooks.iter().map(|hook| (hook.clone(), "the recipe says so".to_owned()));
    record.left_out = report.unneeded_hooks.iter().cloned().chain(asked).collect();
    for (driver, file) in &report.missing_firmware {
        record.missing_firmware.entry(driver.clone()).or_default().insert(file.clone());
    }
    record
}
