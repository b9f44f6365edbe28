//! A head's files in an output: looked through before anything of them is put anywhere.

use std::collections::BTreeMap;

use super::place::CLUSTERS;
use super::place::TEXT_MAX;
use crate::error::Error;
use crate::error::PublishError;
use crate::head;
use crate::head::Cluster;
use crate::head::MENU;
use crate::head::Menu;
use crate::head::Place;
use crate::head::RECORD;
use crate::head::Role;
use crate::manifest::OutputRecord;
use crate::pipeline::Output;
use crate::pipeline::output::Wrong;
use crate::pipeline::publish::contents::Contents;
use crate::pipeline::publish::contents::Item;

/// What the manifest says of a head's files, by path below its directory.
type Records<'a> = BTreeMap<&'a str, &'a OutputRecord>;

/// A head's files, each in a place that a head's files can have.
#[derive(Debug)]
pub(super) struct Bundle {
    /// Each image of the recipe: what the head keeps of it, and what lies in its generation's own directory.
    pub(super) images: Vec<(Cluster, Contents)>,
    /// The cluster that machines in no table are meant to boot.
    pub(super) machines: String,
    /// The head's own files and the boot loaders, below its root.
    pub(super) files: Vec<String>,
    /// Links of the head's own, and where they lead.
    pub(super) links: BTreeMap<String, String>,
    /// All that is text, by path.
    pub(super) texts: BTreeMap<String, String>,
    prefix: &'static str,
}

impl Bundle {
    /// Reads a head's files of an output.
    ///
    /// # Errors
    /// There are none, or one of them is nothing that imgbuild makes for a head: it is named.
    pub(super) fn read(output: &Output, role: Role) -> Result<Self, Error> {
        let prefix = role.directory();
        let records: Records<'_> = output
            .manifest()
            .outputs
            .iter()
            .filter_map(|record| Some((record.path().strip_prefix(prefix)?.strip_prefix('/')?, record)))
            .collect();
        let clusters = clusters(output, role, &records)?;
        let mut bundle = Self {
            images: clusters.into_iter().map(|cluster| (cluster, Contents::default())).collect(),
            machines: String::new(),
            files: Vec::new(),
            links: BTreeMap::new(),
            texts: BTreeMap::new(),
            prefix,
        };
        let mut wrong = Wrong::default();
        for (path, record) in &records {
            if let Err(why) = bundle.take(path, record, &records) {
                wrong.say(format!("{prefix}/{path}").as_bytes(), why);
            }
        }
        let wrong = wrong.told();
        if !wrong.is_empty() {
            return Err(Error::Unverified { path: output.path().to_owned(), wrong });
        }
        for (path, record) in &records {
            if record.content().is_some_and(|(_, size)| size <= TEXT_MAX) {
                let bytes = output.read(&bundle.in_output(path))?;
                bundle.texts.extend(String::from_utf8(bytes).ok().map(|text| ((*path).to_owned(), text)));
            }
        }
        for (cluster, generation) in &bundle.images {
            bundle.check_record(output, cluster, generation)?;
        }
        bundle.machines = bundle.machines(output)?;
        Ok(bundle)
    }

    /// Where a file of the head's lies in the output.
    pub(super) fn in_output(&self, path: &str) -> String {
        format!("{}/{path}", self.prefix)
    }

    /// Takes one path, or says why it has no place.
    fn take(&mut self, path: &str, record: &OutputRecord, all: &Records<'_>) -> Result<(), &'static str> {
        const FOREIGN: &str = "is no file of a head's";
        let (position, place) = match record {
            OutputRecord::Directory { .. } => {
                let prefix = format!("{path}/");
                let mut below = all.range(prefix.as_str()..).take_while(|(other, _)| other.starts_with(&prefix));
                let leads = below.any(|(_, record)| !matches!(record, OutputRecord::Directory { .. }));
                return if leads { Ok(()) } else { Err("is an empty directory, and no head has one") };
            }
            _ => {
                let places = self.images.iter().enumerate();
                let mut places = places.filter_map(|(at, (cluster, _))| Some((at, head::place(cluster, path)?)));
                places.next().ok_or(FOREIGN)?
            }
        };
        let (cluster, generation) = &mut self.images[position];
        match (place, record) {
            (Place::Readme | Place::Menu, OutputRecord::File { .. }) | (Place::Menu, OutputRecord::Link { .. }) => {}
            (Place::Config | Place::Loader, OutputRecord::File { .. }) => self.files.push(path.to_owned()),
            (Place::Images, OutputRecord::Link { target, .. }) => {
                if *target != cluster.roots() {
                    return Err("is no link to the cluster's roots");
                }
                self.links.insert(path.to_owned(), target.clone());
            }
            (Place::Generation(below), OutputRecord::File { size, sha256, .. }) => {
                let item = Item::Output(format!("{}/{path}", self.prefix), *sha256, *size);
                generation.0.insert(below, item);
            }
            (Place::Generation(below), OutputRecord::Link { target, .. }) => {
                if let Some(leads) = head::raspberry_pi_link(&below) {
                    if *target != leads {
                        return Err("does not lead to what its board loads");
                    }
                } else {
                    // A node's name, beside its own entry.
                    let beside = path.rsplit_once('/').map(|(parent, _)| format!("{parent}/{target}"));
                    let beside = beside.and_then(|beside| all.get(beside.as_str()));
                    let is_entry = beside.is_some_and(|record| record.content().is_some());
                    if !below.starts_with("pxelinux/") || !is_entry {
                        return Err("is a link to no entry of a menu");
                    }
                }
                generation.0.insert(below, Item::Link(target.clone()));
            }
            _ => return Err(FOREIGN),
        }
        Ok(())
    }

    /// What a generation says of itself is so, and it is the one that the head's own file speaks of.
    fn check_record(&self, output: &Output, cluster: &Cluster, generation: &Contents) -> Result<(), Error> {
        let sums = [("vmlinuz", cluster.kernel), ("initrd.img", cluster.initramfs)];
        for (name, wanted) in sums {
            if !matches!(generation.0.get(name), Some(Item::Output(_, sha256, _)) if *sha256 == wanted) {
                return Err(output.wrong(&self.in_output(CLUSTERS), &format!("speaks of another `{name}`")));
            }
        }
        let Some(Item::Output(path, ..)) = generation.0.get(RECORD) else {
            return Err(output.wrong(&self.in_output(RECORD), "is missing"));
        };
        let record =
            Cluster::parse(&output.text(path)?).map_err(|why| output.wrong(path, &format!("is none: {why}")))?;
        let wanted = Cluster { role: None, ..cluster.clone() };
        if record == wanted { Ok(()) } else { Err(output.wrong(path, "is of another generation")) }
    }

    /// The cluster that its own menu has for machines in no table.
    fn machines(&self, output: &Output) -> Result<String, Error> {
        let menu = self.texts.iter().find(|(path, _)| path.ends_with(&format!("/{MENU}")));
        let Some((path, text)) = menu else { return Err(output.wrong(&self.in_output(MENU), "is missing")) };
        let path = self.in_output(path);
        let menu = Menu::parse(text).map_err(|why| output.wrong(&path, &format!("is none: {why}")))?;
        let is_it = |(cluster, _): &(Cluster, Contents)| cluster.name == menu.machines;
        if self.images.iter().any(is_it) { Ok(menu.machines) } else { Err(output.wrong(&path, "is of another recipe")) }
    }
}

/// The images that the files are for.
fn clusters(output: &Output, role: Role, records: &Records<'_>) -> Result<Vec<Cluster>, Error> {
    let missing = |reason: &str| PublishError::Output { path: output.path().to_owned(), reason: reason.to_owned() };
    let is_cluster = |path: &str| {
        let name = path.strip_prefix(CLUSTERS).and_then(|name| name.strip_prefix('/'));
        name.is_some_and(|name| name.ends_with(".json") && !name.contains('/'))
    };
    let mut clusters: Vec<Cluster> = Vec::new();
    for (path, record) in records.iter().filter(|(path, _)| is_cluster(path)) {
        let Some((_, size)) = record.content() else { continue };
        let in_output = format!("{}/{path}", role.directory());
        if size > TEXT_MAX {
            return Err(output.wrong(&in_output, "is too long"));
        }
        let cluster = Cluster::parse(&output.text(&in_output)?).map_err(|why| output.wrong(&in_output, &why))?;
        if cluster.role.unwrap_or(Role::Head) != role {
            return Err(output.wrong(&in_output, "is the other head's"));
        }
        let is_other = |first: &Cluster| first.recipe != cluster.recipe || !head::clashes(first, &cluster).is_empty();
        if clusters.first().is_some_and(is_other) {
            return Err(output.wrong(&in_output, "is of another recipe"));
        }
        clusters.push(cluster);
    }
    if clusters.is_empty() {
        return Err(missing(match role {
            Role::Head => "its recipe has no `[head]`",
            Role::Standby => "its recipe has no `[head.standby]`",
        })
        .into());
    }
    Ok(clusters)
}
