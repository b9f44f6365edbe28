//! From keys as written to a [`Recipe`]: defaults, grammar, files, and whether the parts fit each other.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use serde::Deserialize as _;
use serde_spanned::Spanned;
use toml::de::DeValue;
use toml::de::ValueDeserializer;

use super::Access;
use super::Archive;
use super::Base;
use super::Configure;
use super::Debian;
use super::Diskless;
use super::Error;
use super::Format;
use super::Initramfs;
use super::Install;
use super::LocalFile;
use super::Modules;
use super::PackageRequest;
use super::Pin;
use super::RASPBERRY_PI;
use super::Recipe;
use super::RootMode;
use super::TftpServer;
use super::cluster;
use super::expand;
use super::file;
use super::grammar;
use super::grammar::Wrong;
use super::identity;
use super::images;
use super::inventory;
use super::link;
use super::modules;
use super::networks;
use super::overlay;
use super::problem::Sources;
use super::problem::printable;
use super::raw;
use super::raw::At;
use super::raw::Pocket;
use super::raw::Text;
use super::shape;
use super::site;
use super::text;
use crate::digest::Sha256;
use crate::format::compress::Compression;

/// The longest keyring.
const KEYRING_MAX: u64 = 16 << 20;
/// Suites that have no pockets: changes go straight into them.
const NO_POCKETS: [&str; 4] = ["sid", "unstable", "experimental", "rc-buggy"];
/// Suites from before there was `SUITE-updates`.
const NO_UPDATES: [&str; 5] = ["woody", "sarge", "etch", "lenny", "potato"];
/// Mount points of the classic diskless node, with sizes that leave its memory to its work.
const TMPFS: [(&str, &str); 4] = [("/tmp", "25%"), ("/var/tmp", "10%"), ("/var/log", "64M"), ("/media", "1M")];

/// See [`super::load`]; the files of the site are read where they are wanted.
pub(super) fn load(path: &Path, with_site: bool) -> Result<Recipe, Error> {
    let mut sources = Sources::default();
    let document = text::read(path, &mut sources)?;
    understand(sources, document, with_site)
}

/// See [`super::parse`].
pub(super) fn parse(text: &str, directory: &Path) -> Result<Recipe, Error> {
    let mut sources = Sources::default();
    let document = text::of(text, directory, &mut sources)?;
    understand(sources, document, false)
}

/// See [`super::with_text`].
#[cfg(feature = "cli")]
pub(super) fn with_text(path: &Path, text: &str) -> Result<Recipe, Error> {
    let mut sources = Sources::default();
    let document = text::instead(path, text, &mut sources)?;
    understand(sources, document, false)
}

fn understand(mut sources: Sources, mut document: text::Table, with_site: bool) -> Result<Recipe, Error> {
    // A text that could not be read as a whole lacks keys that it may well have.
    if sources.is_bad() {
        return Err(sources.into_error());
    }
    let schema = super::schema();
    let directory = sources.directory(0).to_owned();
    inventory::add(&schema, &directory, &mut document, &mut sources);
    if !shape::check(&schema, &mut document, &mut sources) {
        return Err(sources.into_error());
    }
    expand::nodes(&mut document, &mut sources);
    let parts = images::split(&mut document, &mut sources);
    let names: Vec<String> = parts.iter().map(|(name, _)| name.clone()).collect();
    let documents = if parts.is_empty() {
        vec![(None, document)]
    } else {
        parts.into_iter().map(|(name, document)| (Some(name), document)).collect()
    };
    let recipes: Vec<Option<Recipe>> =
        documents.into_iter().map(|(image, document)| one(&mut sources, image, &names, document, with_site)).collect();
    match recipes.into_iter().collect::<Option<Vec<_>>>().and_then(Recipe::of_images) {
        Some(recipe) if !sources.is_bad() => Ok(recipe),
        _ => Err(sources.into_error()),
    }
}

/// The recipe of one image.
fn one(
    sources: &mut Sources,
    image: Option<String>,
    images: &[String],
    document: text::Table,
    with_site: bool,
) -> Option<Recipe> {
    let whole = Spanned::new(0..0, DeValue::Table(document));
    match raw::Recipe::deserialize(ValueDeserializer::from(whole)) {
        Ok(raw) => {
            let root = sources.directory(0).to_owned();
            // What all images have is read with the first.
            let reads_site = with_site && image.as_ref() == images.first();
            Checker { sources, root, image, images, reads_site }.recipe(raw)
        }
        Err(error) => {
            sources.report(&error.span().unwrap_or(0..0), error.message(), None);
            None
        }
    }
}

/// Turns values as written into values that are right, and collects what is wrong.
pub(super) struct Checker<'a> {
    pub(super) sources: &'a mut Sources,
    /// The recipe's directory, all symbolic links followed.
    root: PathBuf,
    /// Which of its images it is.
    pub(super) image: Option<String>,
    /// All of them, in the recipe's order.
    pub(super) images: &'a [String],
    /// Whether the files of the site are read.
    pub(super) reads_site: bool,
}

impl Checker<'_> {
    fn recipe(&mut self, raw: raw::Recipe) -> Option<Recipe> {
        let name = self.get("name", &raw.name, grammar::recipe_name);
        let packages = self.packages(&raw.packages);
        self.loaders(&raw);
        let debian = self.debian(&raw.debian.value);
        let archives: Vec<_> = raw.archive.iter().map(|archive| self.archive(&archive.value)).collect();
        let pins: Vec<_> = raw.pin.iter().map(|pin| self.pin(pin, &raw)).collect();
        let install = self.install(&raw.install);
        let overlay = self.overlay(&raw.overlay);
        let configure = self.configure(&raw.configure);
        let kernel_modules = modules::packages(self, &raw.kernel_module);
        let signing = raw.module_signing.as_ref().map(|raw| modules::signing(self, &raw.value));
        let (head, nodes) = self.cluster(&raw, name.as_deref().unwrap_or("root"));
        let site = site::entries(self, &raw, &nodes);
        let diskless = raw.diskless.as_ref().map(|raw| self.diskless(&raw.value, head.as_ref()));
        let ssh_keys = self.list("access.ssh-keys", &raw.access.ssh_keys, grammar::ssh_key);
        let access = ssh_keys.map(|keys| Access { ssh_keys: sorted(keys) });
        let initramfs = self.initramfs(&raw.initramfs);
        let stick = cluster::stick(self, &raw);
        let mut formats = raw.output.formats.unwrap_or_default();
        if formats.is_empty() {
            formats.push(Format::Tar);
        }
        formats.sort_unstable();
        formats.dedup();
        let lossy = if raw.output.lossy.is_empty() { Vec::new() } else { vec!["xattrs".to_owned()] };
        let supplier = raw.output.supplier.as_ref().map(|text| self.get("output.supplier", text, grammar::supplier));
        let mut recipe = Recipe {
            image: self.image.clone(),
            images: Vec::new(),
            name: name?,
            directory: self.root.clone(),
            digest: Sha256::of(b""),
            selection: Sha256::of(b""),
            packages: packages?,
            debian: debian?,
            pins: pins.into_iter().collect::<Option<_>>()?,
            archives: archives.into_iter().collect::<Option<_>>()?,
            install: install?,
            overlay: overlay?,
            site: site?,
            configure: configure?,
            kernel_modules: kernel_modules?,
            module_signing: signing.map_or(Some(None), |signing| signing.map(Some))?,
            access: access?,
            diskless: diskless.map_or(Some(None), |diskless| diskless.map(Some))?,
            head,
            nodes,
            initramfs: initramfs?,
            formats,
            lossy,
            stick,
            supplier: supplier.map_or(Some(None), |supplier| supplier.map(Some))?,
        };
        recipe.selection = identity::selection(&recipe);
        recipe.digest = identity::digest(&recipe);
        Some(recipe)
    }

    /// Loaders that the head has no files for.
    fn loaders(&mut self, raw: &raw::Recipe) {
        if raw.head.is_none() || raw.diskless.is_none() {
            return;
        }
        let name = |text: &Text| text.value.split(['=', '/', ':']).next().map(str::to_owned);
        for text in raw.packages.iter().filter(|text| name(text).as_deref() == Some(RASPBERRY_PI)) {
            let architecture = raw.debian.value.architecture.as_ref();
            let is_arm64 = architecture.is_some_and(|architecture| architecture.value == "arm64");
            let tftpd = raw.head.as_ref().is_some_and(|head| head.value.tftp_server == Some(TftpServer::TftpdHpa));
            let (message, help) = match (is_arm64, tftpd) {
                (false, _) => (
                    "a Raspberry Pi's own loader boots from a head with `architecture = \"arm64\"` alone",
                    "leave `raspi-firmware` out, or build for arm64, which a Raspberry Pi 4 runs",
                ),
                (true, true) => (
                    "a Raspberry Pi's own loader wants a directory for each board, which tftpd-hpa does not have",
                    "leave out `tftp-server`, so that dnsmasq serves the files",
                ),
                (true, false) => continue,
            };
            self.report(text, message.to_owned(), Some(help.to_owned()));
        }
    }

    pub(super) fn packages(&mut self, raw: &[Text]) -> Option<Vec<PackageRequest>> {
        let mut texts = Vec::new();
        for text in raw {
            match text.value.ends_with('/') {
                true => texts.extend(self.debs_in(text)?),
                false => texts.push(text.clone()),
            }
        }
        let requests: Vec<_> = texts.iter().map(|text| self.package(text)).collect();
        let mut requests = requests.into_iter().collect::<Option<Vec<_>>>()?;
        let mut versions = BTreeMap::new();
        for (request, text) in requests.iter().zip(&texts) {
            if let PackageRequest::Named { name, architecture, version: Some(version), .. } = request {
                let old = versions.insert((name, architecture), version);
                if old.is_some_and(|old| old != version) {
                    self.report(text, format!("`{name}` is asked for in two versions"), None);
                }
            }
        }
        // The order of wishes means nothing, so it must not reach the solver or the digest.
        requests.sort_by_cached_key(|request| match request {
            PackageRequest::Named { name, architecture, version, release } => {
                (name.clone(), architecture.clone(), version.clone(), release.clone(), PathBuf::new())
            }
            PackageRequest::Local(file) => (String::new(), None, None, None, file.path.clone()),
        });
        requests.dedup();
        Some(requests)
    }

    /// The .debs of a directory, each as if it stood in its place.
    fn debs_in(&mut self, text: &Text) -> Option<Vec<Text>> {
        let directory = self.locate(text)?;
        let found = match overlay::names(&directory) {
            Ok(found) => found,
            Err(error) => {
                self.report(text, format!("cannot list `{}`: {error}", text.value.escape_debug()), None);
                return None;
            }
        };
        let names = found.iter().filter_map(|name| name.to_str()).filter(|name| name.ends_with(".deb"));
        let of = |name: &str| Text { value: format!("{}{name}", text.value), span: text.span.clone() };
        let texts: Vec<Text> = names.map(of).collect();
        if texts.is_empty() {
            self.report(text, format!("there is no .deb in `{}`", text.value.escape_debug()), None);
            return None;
        }
        Some(texts)
    }

    fn package(&mut self, text: &Text) -> Option<PackageRequest> {
        if self.is_file(text) {
            let file = self.file("packages", text)?;
            let mut magic = [0; 8];
            let read = std::io::Read::read(&mut file.content.reader(), &mut magic);
            if read.is_err() || magic != *b"!<arch>\n" {
                self.report(text, format!("`{}` is no .deb", text.value.escape_debug()), None);
            }
            return Some(PackageRequest::Local(file));
        }
        self.get("packages", text, |text| {
            let (wanted, version) =
                text.split_once('=').map_or((text, None), |(wanted, version)| (wanted, Some(version)));
            let (wanted, release) =
                wanted.split_once('/').map_or((wanted, None), |(wanted, release)| (wanted, Some(release)));
            if version.is_some() && release.is_some() {
                return Err("a package is asked for by version or by release, not both".to_owned());
            }
            let (name, architecture) = wanted.split_once(':').map_or((wanted, None), |(name, arch)| (name, Some(arch)));
            Ok(PackageRequest::Named {
                name: grammar::package_name(name)?,
                architecture: architecture.map(grammar::architecture).transpose()?,
                version: version.map(grammar::version_glob).transpose()?,
                release: release.map(grammar::suite).transpose()?,
            })
        })
    }

    /// Whether a package is asked for by a file: one slash alone may stand between a name and a release.
    fn is_file(&self, text: &Text) -> bool {
        let there = || text::locate(&self.root, self.sources.directory(text.span.start), &text.value).is_ok();
        match text.value.split('/').count() {
            1 => text.value.ends_with(".deb"),
            2 => text.value.starts_with(['.', '/']) || text.value.ends_with(".deb") || there(),
            _ => true,
        }
    }

    fn debian(&mut self, raw: &raw::Debian) -> Option<Debian> {
        let suite = self.get("debian.suite", &raw.suite, grammar::suite);
        let architecture =
            self.get_or("debian.architecture", raw.architecture.as_ref(), "amd64", grammar::architecture);
        let components = self.components("debian.components", raw.components.as_deref());
        let mirror = self.option("debian.mirror", raw.mirror.as_ref(), grammar::url);
        let snapshot = self.option("debian.snapshot", raw.snapshot.as_ref(), grammar::snapshot);
        let signed_by = raw.signed_by.as_ref().map(|text| self.keyring("debian.signed-by", text));
        let suite_is_of = |list: &[&str]| list.contains(&raw.suite.value.as_str());
        let mut pockets: Vec<Pocket> = match &raw.pockets {
            Some(pockets) => pockets.iter().map(|pocket| pocket.value).collect(),
            None if suite_is_of(&NO_POCKETS) => Vec::new(),
            None if suite_is_of(&NO_UPDATES) => vec![Pocket::Security],
            None => vec![Pocket::Updates, Pocket::Security],
        };
        pockets.sort_unstable();
        pockets.dedup();
        let pockets = pockets.into_iter().map(|pocket| pocket_name(pocket).to_owned());
        Some(Debian {
            suite: suite?,
            architecture: architecture?,
            components: components?,
            pockets: pockets.collect(),
            mirror: mirror?,
            snapshot: snapshot?,
            signed_by: signed_by.map_or(Some(None), |file| file.map(Some))?,
        })
    }

    fn archive(&mut self, raw: &raw::Archive) -> Option<Archive> {
        let url = self.get("archive.url", &raw.url, grammar::url);
        let suite = self.get("archive.suite", &raw.suite, grammar::archive_suite);
        let flat = raw.suite.value.ends_with('/');
        let components = match raw.components.as_deref() {
            Some([first, ..]) if flat => {
                self.report(first, "a flat repository has no components".to_owned(), None);
                None
            }
            _ if flat => Some(Vec::new()),
            components => self.components("archive.components", components),
        };
        let signed_by = self.keyring("archive.signed-by", &raw.signed_by);
        let packages = self.list("archive.packages", &raw.packages, grammar::package_glob);
        let mut allow = raw.allow.clone();
        allow.sort_unstable();
        allow.dedup();
        Some(Archive {
            url: url?,
            suite: suite?,
            components: components?,
            signed_by: signed_by?,
            packages: sorted(packages?),
            allow,
        })
    }

    fn pin(&mut self, at: &At<raw::Pin>, recipe: &raw::Recipe) -> Option<Pin> {
        let raw = &at.value;
        let packages = self.list("pin.packages", &raw.packages, grammar::package_glob);
        let version = self.option("pin.version", raw.version.as_ref(), grammar::version_glob);
        let archives: Vec<String> =
            recipe.archive.iter().filter_map(|archive| grammar::url(&archive.value.url.value).ok()).collect();
        let archive = self.option("pin.archive", raw.archive.as_ref(), |text| match text {
            "debian" => Ok(text.to_owned()),
            url if archives.iter().any(|known| known == url.trim_end_matches('/')) => {
                Ok(url.trim_end_matches('/').to_owned())
            }
            _ => Err("it is neither the `url` of an `[[archive]]` nor `debian`".to_owned()),
        });
        let priority = grammar::priority(self.sources.number(&raw.priority.span));
        if let Err(wrong) = &priority {
            self.report(&raw.priority, "`pin.priority` is none of apt's".to_owned(), Some(wrong.clone()));
        }
        let pocket = raw.pocket.as_ref().map(|pocket| pocket_name(pocket.value).to_owned());
        let everything = raw.packages.is_empty() && raw.version.is_none() && raw.archive.is_none() && pocket.is_none();
        if everything {
            let help = "name `packages`, `archive`, `pocket` or `version`".to_owned();
            self.report(at, "this pin is of everything, and so of nothing".to_owned(), Some(help));
        }
        if let (true, Some(version)) = (raw.packages.is_empty(), &raw.version) {
            self.report(version, "a version means something only for `packages`".to_owned(), None);
        }
        let pockets = recipe.debian.value.pockets.as_deref();
        if let (Some(pocket), Some(used)) = (&raw.pocket, pockets)
            && !used.iter().any(|used| used.value == pocket.value)
        {
            let help = Some("add it to `pockets` of `[debian]`".to_owned());
            self.report(pocket, "this pocket is not used".to_owned(), help);
        }
        Some(Pin { packages: packages?, archive: archive?, pocket, version: version?, priority: priority.ok()? })
    }

    fn components(&mut self, key: &str, raw: Option<&[Text]>) -> Option<Vec<String>> {
        let components = self.list(key, raw.unwrap_or_default(), grammar::suite)?;
        Some(if components.is_empty() { vec!["main".to_owned()] } else { sorted(components) })
    }

    fn install(&mut self, raw: &raw::Install) -> Option<Install> {
        let exclude = self.list("install.exclude", &raw.exclude, grammar::path_glob);
        let include = self.list("install.include", &raw.include, grammar::path_glob);
        Some(Install {
            base: raw.base.unwrap_or(Base::Required),
            recommends: raw.recommends.unwrap_or(false),
            exclude: sorted(exclude?),
            include: sorted(include?),
        })
    }

    fn overlay(&mut self, raw: &[At<raw::Overlay>]) -> Option<Vec<super::OverlayEntry>> {
        let entries: Vec<_> = raw.iter().map(|entry| overlay::entry(self, entry)).collect();
        let mut seen = BTreeMap::new();
        for (entry, raw) in entries.iter().zip(raw) {
            let Some(entry) = entry else { continue };
            if let Some(first) = seen.insert(&entry.path, raw.value.path.span.start) {
                let place = self.sources.place(first);
                self.report(
                    &raw.value.path,
                    format!("`{}` has an overlay entry already, at {place}", entry.path),
                    None,
                );
            }
        }
        entries.into_iter().collect()
    }

    fn configure(&mut self, raw: &raw::Configure) -> Option<Configure> {
        let mut configure = Configure { otherwise: raw.otherwise, ..Configure::default() };
        for (name, treatment) in &raw.packages {
            let name = self.get("configure.packages", name, grammar::package_name)?;
            configure.packages.insert(name, *treatment);
        }
        for (question, answer) in &raw.debconf {
            let question = self.get("configure.debconf", question, grammar::debconf_question)?;
            let answer = self.get("configure.debconf", answer, grammar::debconf_answer)?;
            configure.debconf.insert(question, answer);
        }
        Some(configure)
    }

    fn diskless(&mut self, raw: &raw::Diskless, head: Option<&super::Head>) -> Option<Diskless> {
        let link = link::link(self, raw);
        let tmpfs = self.tmpfs(raw.tmpfs.as_ref());
        let syslog = self.option("diskless.syslog", raw.syslog.as_ref(), |text| {
            grammar::address(text).map(|address| address.to_string()).or_else(|_| grammar::domain(text))
        });
        let nameservers =
            self.list("diskless.nameservers", raw.nameservers.as_deref().unwrap_or_default(), grammar::address);
        let domain = self.option("diskless.domain", raw.domain.as_ref(), grammar::domain);
        let arguments = self.list("diskless.kernel-arguments", &raw.kernel_arguments, grammar::kernel_argument);
        let head_address = head.map(|head| head.address);
        let sources = cluster::sources(self, &raw.sources);
        let (interface, bond) = link?;
        Some(Diskless {
            sources: sources?,
            root: raw.root.as_ref().map_or(RootMode::Nfs, |root| root.value),
            interface,
            bond,
            tmpfs: tmpfs?,
            syslog: syslog?,
            nameservers: match raw.nameservers {
                Some(_) => nameservers?,
                None => head_address.into_iter().collect(),
            },
            domain: domain?,
            kernel_arguments: arguments?,
        })
    }

    fn tmpfs(&mut self, raw: Option<&BTreeMap<Text, Text>>) -> Option<BTreeMap<String, String>> {
        let Some(raw) = raw else {
            return Some(TMPFS.iter().map(|(path, size)| ((*path).to_owned(), (*size).to_owned())).collect());
        };
        let mut tmpfs = BTreeMap::new();
        let mut good = true;
        for (path, size) in raw {
            let mount_point = self.get("diskless.tmpfs", path, grammar::mount_point);
            let size = self.get("diskless.tmpfs", size, grammar::tmpfs_size);
            let (Some(mount_point), Some(size)) = (mount_point, size) else {
                good = false;
                continue;
            };
            if tmpfs.insert(mount_point.clone(), size).is_some() {
                self.report(path, format!("`{mount_point}` has two sizes"), None);
            }
        }
        good.then_some(tmpfs)
    }

    fn initramfs(&mut self, raw: &raw::Initramfs) -> Option<Initramfs> {
        let modules = match &raw.modules {
            None => Modules::Netboot,
            Some(At { value: raw::Modules::Set(raw::ModuleSet::Netboot), .. }) => Modules::Netboot,
            Some(At { value: raw::Modules::List(list), span }) => {
                let list: Vec<Text> =
                    list.iter().map(|value| At { value: value.clone(), span: span.clone() }).collect();
                Modules::List(sorted(self.list("initramfs.modules", &list, grammar::module_glob)?))
            }
        };
        let compression = match raw.compression {
            Some(raw::Compression::None) => Compression::None,
            Some(raw::Compression::Gzip) => Compression::Gzip,
            Some(raw::Compression::Xz) => Compression::Xz,
            Some(raw::Compression::Zstd) | None => Compression::Zstd,
        };
        let skip_hooks = sorted(self.list("initramfs.skip-hooks", &raw.skip_hooks, grammar::file_name)?);
        Some(Initramfs { modules, compression, skip_hooks })
    }

    fn cluster(&mut self, raw: &raw::Recipe, name: &str) -> (Option<super::Head>, Vec<super::Node>) {
        let head = raw.head.as_ref().and_then(|head| cluster::head(self, head, name));
        let networks = raw.network.iter().filter_map(|network| networks::network(self, &network.value)).collect();
        let head = head.map(|head| super::Head { networks, ..head });
        let nodes = raw.node.iter().filter_map(|node| cluster::node(self, &node.value)).collect();
        cluster::check(self, raw);
        networks::check(self, raw);
        (head, nodes)
    }

    // --- what all of them use --------------------------------------------------------------------------------

    /// A value of a grammar.
    pub(super) fn get<T>(&mut self, key: &str, text: &Text, grammar: impl Fn(&str) -> Result<T, Wrong>) -> Option<T> {
        match grammar(&text.value) {
            Ok(value) => Some(value),
            Err(wrong) => {
                let shown: String = text.value.chars().take(80).collect();
                self.report(text, printable(&format!("`{key}` is {shown:?}")), Some(wrong));
                None
            }
        }
    }

    /// A value that may be absent; the outer `None` is a wrong one.
    #[expect(clippy::option_option, reason = "wrong and absent are two things")]
    pub(super) fn option<T>(
        &mut self,
        key: &str,
        text: Option<&Text>,
        grammar: impl Fn(&str) -> Result<T, Wrong>,
    ) -> Option<Option<T>> {
        text.map_or(Some(None), |text| self.get(key, text, grammar).map(Some))
    }

    /// A value with a default.
    pub(super) fn get_or<T>(
        &mut self,
        key: &str,
        text: Option<&Text>,
        default: &str,
        grammar: impl Fn(&str) -> Result<T, Wrong>,
    ) -> Option<T> {
        match text {
            Some(text) => self.get(key, text, grammar),
            None => grammar(default).ok(),
        }
    }

    /// A list of values, in its order.
    pub(super) fn list<T>(
        &mut self,
        key: &str,
        texts: &[Text],
        grammar: impl Fn(&str) -> Result<T, Wrong>,
    ) -> Option<Vec<T>> {
        let values: Vec<Option<T>> = texts.iter().map(|text| self.get(key, text, &grammar)).collect();
        values.into_iter().collect()
    }

    pub(super) fn report<T>(&mut self, at: &At<T>, message: String, help: Option<String>) {
        self.sources.report(&at.span, message, help);
    }

    /// Where a file that the recipe names lies; relative names are relative to the file that has them.
    pub(super) fn locate(&mut self, text: &Text) -> Option<PathBuf> {
        let found = text::locate(&self.root, self.sources.directory(text.span.start), &text.value);
        found.map_err(|message| self.report(text, message, None)).ok()
    }

    /// A file that the recipe names.
    pub(super) fn file(&mut self, key: &str, text: &Text) -> Option<LocalFile> {
        let real = self.locate(text)?;
        match file::read(&real) {
            Ok((content, _)) => {
                let path = real.strip_prefix(&self.root).unwrap_or(&real).to_owned();
                Some(LocalFile { path, content })
            }
            Err(error) => {
                self.report(text, format!("cannot read the file of `{key}`: {error}"), None);
                None
            }
        }
    }

    fn keyring(&mut self, key: &str, text: &Text) -> Option<LocalFile> {
        let file = self.file(key, text)?;
        if file.content.size() == 0 || file.content.size() > KEYRING_MAX {
            self.report(text, format!("`{}` is no keyring", text.value.escape_debug()), None);
        }
        Some(file)
    }
}

/// What every pocket is called.
pub(crate) const POCKETS: [&str; 3] =
    [pocket_name(Pocket::Updates), pocket_name(Pocket::Security), pocket_name(Pocket::Backports)];

const fn pocket_name(pocket: Pocket) -> &'static str {
    match pocket {
        Pocket::Updates => "updates",
        Pocket::Security => "security",
        Pocket::Backports => "backports",
    }
}

/// For lists whose order means nothing.
fn sorted(mut list: Vec<String>) -> Vec<String> {
    list.sort_unstable();
    list.dedup();
    list
}
