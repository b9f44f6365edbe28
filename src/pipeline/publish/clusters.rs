//! The clusters that are on a head beside the one that is published, and what follows from them.

use std::collections::BTreeMap;

use super::bundle::Bundle;
use super::place;
use crate::error::Error;
use crate::error::PublishError;
use crate::head;
use crate::head::Cluster;
use crate::head::Menu;
use crate::host::Dir;

/// The clusters of a head, and what follows from them for the one that is published.
pub(super) struct Clusters {
    /// Whether other recipes are there.
    others: bool,
    /// Images that the same recipe had and has no more, as they are kept: their generations are there until they are
    /// pruned, and nodes may run from them, but none boots them.
    gone: Vec<Cluster>,
    /// All clusters of the head, with those that are published.
    pub(super) all: Vec<Cluster>,
    /// The files that all share, by path, made for all of them.
    pub(super) files: BTreeMap<String, String>,
}

impl Clusters {
    /// Looks at what is there.
    ///
    /// # Errors
    /// It clashes with what is published, or a cluster's own record cannot be read.
    pub(super) fn of_head(root: &Dir, bundle: &Bundle) -> Result<Self, Error> {
        let there = place::clusters(root)?;
        let own: Vec<&Cluster> = bundle.images.iter().map(|(cluster, _)| cluster).collect();
        let recipe = &own[0].recipe;
        let (mut gone, mut all, mut wrong) = (Vec::new(), Vec::new(), Vec::new());
        for cluster in there {
            if let Some(same) = own.iter().find(|own| own.name == cluster.name && own.recipe == cluster.recipe) {
                if let (Some(is), Some(other)) = (same.role, cluster.role)
                    && is != other
                {
                    let role = other.directory();
                    return Err(PublishError::OtherHead { root: root.path().to_owned(), role }.into());
                }
            } else if cluster.recipe == *recipe {
                gone.push(cluster.without_nodes());
            } else {
                wrong.extend(own.iter().flat_map(|own| head::clashes(&cluster, own)));
                all.push(cluster);
            }
        }
        // What concerns the head itself is the same for each of the images.
        wrong.dedup();
        if !wrong.is_empty() {
            return Err(PublishError::Clash { root: root.path().to_owned(), wrong }.into());
        }
        let others = !all.is_empty();
        all.extend(own.into_iter().cloned());
        all.extend(gone.iter().cloned());
        all.sort_by(|one, other| one.name.cmp(&other.name));
        let mut files = head::shared(&all);
        for cluster in &gone {
            files.insert(format!("{}/{}.json", place::CLUSTERS, cluster.name), cluster.to_json());
        }
        Ok(Self { others, gone, all, files })
    }

    /// Whether files that all share are other than the output has them.
    pub(super) fn is_merged(&self) -> bool {
        self.others || !self.gone.is_empty()
    }

    /// What nodes are offered when images of this recipe are added to it. Who has machines in no table keeps them, unless
    /// that is this recipe anyhow, or they are `wanted`.
    pub(super) fn menu(&self, before: &Menu, bundle: &Bundle, wanted: bool) -> Menu {
        let mut menu = before.clone();
        for gone in &self.gone {
            menu.clusters.remove(&gone.name);
        }
        let is_own = bundle.images.iter().any(|(own, _)| own.name == menu.machines);
        if wanted || is_own || !menu.clusters.contains_key(&menu.machines) {
            menu.machines.clone_from(&bundle.machines);
        }
        menu
    }
}
