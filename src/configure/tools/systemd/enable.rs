//! Enabling, disabling and masking of units: nothing but symbolic links below `/etc/systemd`. systemctl(1).

use std::collections::BTreeSet;
use std::collections::VecDeque;

use super::files::base;
use super::files::make_link;
use super::files::remove_empty;
use super::files::same_place;
use super::files::target;
use super::files::unlink;
use super::preset::Preset;
use super::preset::Presets;
use super::unit::Name;
use super::unit::Scope;
use super::unit::Unit;
use super::unit::lives_in_lib;
use crate::tree::Kind;
use crate::tree::TreePath;
use crate::utilities::Call;
use crate::utilities::Fault;
use crate::utilities::show;

/// Which half of `preset` is done (`--preset-mode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PresetMode {
    /// Enables and disables.
    Full,
    /// Only enables.
    EnableOnly,
    /// Only disables.
    DisableOnly,
}

/// What is done, and where.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edit {
    /// Whose units.
    pub scope: Scope,
    /// Links that lead elsewhere are replaced.
    pub force: bool,
}

/// Why a link is not made.
#[derive(Debug)]
struct Refusal {
    fault: Fault,
    /// It is another name that the unit may not have.
    alias: bool,
}

/// Why units cannot be found, as `systemctl` says it.
fn missing(name: &[u8]) -> Fault {
    Fault::failed(format!("Unit file {} does not exist.", show(name)))
}

impl Edit {
    /// Enables units by name, or by the path of a file outside the search path.
    ///
    /// # Errors
    /// A unit is missing or masked, or a link is in the way; what could be done is done.
    pub(super) fn enable(self, call: &mut Call<'_, '_>, names: &[Vec<u8>]) -> Result<(), Fault> {
        self.enable_for(call, names, false)
    }

    fn enable_for(self, call: &mut Call<'_, '_>, names: &[Vec<u8>], preset: bool) -> Result<(), Fault> {
        let mut units = Vec::new();
        for name in names {
            let unit = if name.starts_with(b"/") {
                Unit::load(call, self.scope, base(name).to_vec(), name.clone()).map(Some)?
            } else {
                Unit::find(call, self.scope, name)?
            };
            let unit = unit.ok_or_else(|| missing(name))?;
            if unit.masked {
                return Err(Fault::failed(format!("Unit file {} is masked.", show(&unit.path))));
            }
            units.push(unit);
        }
        self.apply(call, units, preset)
    }

    /// Links a unit that lies outside the search path into it.
    ///
    /// # Errors
    /// It is not there, or something is in the way.
    pub(super) fn link(self, call: &mut Call<'_, '_>, path: &[u8]) -> Result<(), Fault> {
        if call.look(path, true).is_none() {
            return Err(Fault::failed(format!("Unit file {} does not exist.", show(path))));
        }
        let link = [self.scope.config(), base(path)].join(&b'/');
        self.make(call, &link, path, self.force)
    }

    /// Makes the links of these units, and of those that they name in `Also=`.
    fn apply(self, call: &mut Call<'_, '_>, units: Vec<Unit>, preset: bool) -> Result<(), Fault> {
        let mut todo: VecDeque<Unit> = units.into();
        let mut seen: BTreeSet<Vec<u8>> = todo.iter().map(|unit| unit.name.clone()).collect();
        let mut result = Ok(());
        while let Some(unit) = todo.pop_front() {
            if unit.masked {
                call.err(&format!("Unit {} is masked, ignoring.", show(&unit.path)))?;
                continue;
            }
            for done in self.links_of(call, &unit)? {
                match done {
                    // What is in the way of a preset, or cannot be wanted, is told and left.
                    Err(Refusal { fault: Fault::Failed(_, message), alias: false }) if preset => call.err(&message)?,
                    // The first failure counts, after everything else is done.
                    Err(refusal) => result = result.and(Err(refusal.fault)),
                    Ok(()) => {}
                }
            }
            for name in unit.also {
                if !seen.insert(name.clone()) {
                    continue;
                }
                match Unit::find(call, self.scope, &name)? {
                    Some(also) => todo.push_back(also),
                    None => call.err(&format!("Unit {} (in Also=) does not exist, ignoring.", show(&name)))?,
                }
            }
        }
        result
    }

    /// Makes the links of one unit; each with its own success.
    fn links_of(self, call: &mut Call<'_, '_>, unit: &Unit) -> Result<Vec<Result<(), Refusal>>, Fault> {
        let config = self.scope.config();
        let mut results = Vec::new();
        let plain = |fault| Refusal { fault, alias: false };
        for alias in &unit.aliases {
            match alias_of(unit, &unit.expand(alias)?) {
                Ok(alias) if alias == unit.name => {}
                Ok(alias) => {
                    let link = [config, &alias].join(&b'/');
                    let broken = call.look(&link, true).is_none();
                    let made = self.make(call, &link, &unit.path, self.force || broken);
                    // systemd 252 lets a preset fail where another unit has that name already, 257 does not.
                    let alias = lives_in_lib(call);
                    results.push(made.map_err(|fault| Refusal { fault, alias }));
                }
                Err(fault) => results.push(Err(Refusal { fault, alias: true })),
            }
        }
        let name = unit.own_name();
        let without_instance = Name::parse(&name).is_some_and(|name| name.is_template());
        let lists = [(&unit.wanted_by, ".wants"), (&unit.required_by, ".requires"), (&unit.upheld_by, ".upholds")];
        for (list, kind) in lists {
            for other in list {
                let other = unit.expand(other)?;
                let parsed = Name::parse(&other);
                // A template without an instance can only be wanted by what has instances itself.
                if parsed.is_none_or(|parsed| without_instance && parsed.instance.is_none()) {
                    let message = format!("Invalid unit name \"{}\" in {}.", show(&other), show(&unit.path));
                    results.push(Err(plain(Fault::failed(message))));
                    continue;
                }
                let link = [config, b"/", &other, kind.as_bytes(), b"/", &name].concat();
                results.push(self.make(call, &link, &unit.path, true).map_err(plain));
            }
        }
        if !self.scope.directories(call).iter().any(|directory| unit.path.starts_with(&[directory, &b"/"[..]].concat()))
        {
            let link = [config, base(&unit.path)].join(&b'/');
            results.push(self.make(call, &link, &unit.path, self.force).map_err(plain));
        }
        Ok(results)
    }

    /// A link; one that leads to the same place already stays.
    fn make(self, call: &mut Call<'_, '_>, link: &[u8], to: &[u8], force: bool) -> Result<(), Fault> {
        match call.look(link, false).map(|inode| inode.kind) {
            None => {}
            Some(Kind::Symlink(old)) if same_place(call, &old, to) => return Ok(()),
            Some(Kind::Symlink(_)) if force => drop(unlink(call, link)?),
            Some(Kind::Symlink(old)) => {
                let message = format!("File '{}' already exists and is a symlink to {}.", show(link), show(&old));
                return Err(Fault::failed(message));
            }
            Some(_) => return Err(Fault::failed(format!("File '{}' already exists.", show(link)))),
        }
        make_link(call, link, to)
    }

    /// Removes all links to units, under any name; a unit without a file is disabled by its name.
    ///
    /// # Errors
    /// A unit has no file.
    pub(super) fn disable(self, call: &mut Call<'_, '_>, names: &[Vec<u8>]) -> Result<(), Fault> {
        let mut marked = BTreeSet::new();
        let mut todo: VecDeque<Vec<u8>> = names.iter().cloned().collect();
        let mut result = Ok(());
        while let Some(name) = todo.pop_front() {
            if marked.contains(&name) {
                continue;
            }
            match Unit::find(call, self.scope, &name)? {
                Some(unit) if unit.masked => continue,
                Some(unit) => {
                    marked.insert(unit.name.clone());
                    todo.extend(unit.also);
                }
                None if names.contains(&name) => result = Err(missing(&name)),
                None => {}
            }
            marked.insert(name);
        }
        self.remove_links(call, marked)?;
        result
    }

    /// Removes every link that has one of these names or leads to one; what led to a removed one goes as well.
    fn remove_links(self, call: &mut Call<'_, '_>, mut marked: BTreeSet<Vec<u8>>) -> Result<(), Fault> {
        let config = self.scope.config();
        let Ok(top) = call.resolve(config, true) else { return Ok(()) };
        loop {
            let found: Vec<(TreePath, Vec<u8>)> = call
                .tree()
                .below(&top)
                .filter_map(|(path, inode)| match &inode.kind {
                    Kind::Symlink(to) => Some((path.clone(), to.clone())),
                    _ => None,
                })
                .filter(|(path, to)| {
                    to != b"/dev/null"
                        && Name::parse(path.name()).is_some()
                        && (marked.contains(path.name()) || marked.contains(base(to)))
                })
                .collect();
            if found.is_empty() {
                return Ok(());
            }
            for (path, _) in found {
                call.tree().remove(&path)?;
                marked.insert(path.name().to_vec());
                let directory = path.parent().unwrap_or_default();
                remove_empty(call, &[b"/", directory.as_bytes()].concat(), config)?;
            }
        }
    }

    /// Links units to `/dev/null`.
    ///
    /// # Errors
    /// A file of the administrator's has that name.
    pub(super) fn mask(self, call: &mut Call<'_, '_>, names: &[Vec<u8>]) -> Result<(), Fault> {
        let mut result = Ok(());
        for name in names {
            let link = [self.scope.config(), name].join(&b'/');
            if target(call, &link).as_deref() != Some(b"/dev/null") {
                result = result.and(self.make(call, &link, b"/dev/null", self.force));
            }
        }
        result
    }

    /// Removes links to `/dev/null`.
    ///
    /// # Errors
    /// Only what stops the script.
    pub(super) fn unmask(self, call: &mut Call<'_, '_>, names: &[Vec<u8>]) -> Result<(), Fault> {
        let config = self.scope.config();
        for name in names {
            let link = [config, name].join(&b'/');
            if target(call, &link).as_deref() == Some(b"/dev/null") {
                unlink(call, &link)?;
            }
        }
        Ok(())
    }

    /// Makes units what the presets say.
    ///
    /// # Errors
    /// As [`Edit::enable`]; with `lenient` what cannot be enabled is left.
    pub(super) fn preset(
        self,
        call: &mut Call<'_, '_>,
        names: &[Vec<u8>],
        mode: PresetMode,
        lenient: bool,
    ) -> Result<(), Fault> {
        let presets = Presets::read(call, self.scope)?;
        let (mut plus, mut minus) = (Vec::new(), Vec::new());
        for name in names {
            let unit = match Unit::find(call, self.scope, name) {
                Ok(Some(unit)) => unit,
                Ok(None) | Err(Fault::Failed(..)) if lenient => continue,
                Ok(None) => return Err(missing(name)),
                Err(fault) => return Err(fault),
            };
            // An alias follows its unit.
            if unit.name != *name {
                continue;
            }
            match presets.query(name) {
                Preset::Enable(instances) if instances.is_empty() => plus.push(name.clone()),
                Preset::Enable(instances) => plus.extend(instances),
                Preset::Disable => minus.push(name.clone()),
                Preset::Ignore => {}
            }
        }
        if mode != PresetMode::EnableOnly {
            self.disable(call, &minus)?;
        }
        if mode == PresetMode::DisableOnly {
            return Ok(());
        }
        if !lenient {
            return self.enable_for(call, &plus, true);
        }
        for name in plus {
            match self.enable_for(call, &[name], true) {
                Ok(()) | Err(Fault::Failed(..)) => {}
                Err(fault) => return Err(fault),
            }
        }
        Ok(())
    }

    /// The word of `is-enabled`; `None` when there is no such unit.
    pub(super) fn state(self, call: &mut Call<'_, '_>, name: &[u8]) -> Result<Option<&'static str>, Fault> {
        let Some(unit) = Unit::find(call, self.scope, name)? else { return Ok(None) };
        if unit.masked {
            return Ok(Some("masked"));
        }
        if unit.name != name && !Name::parse(name).is_some_and(|name| name.is_instance()) {
            return Ok(Some("alias"));
        }
        let aliases = unit.aliases.iter().map(|alias| unit.expand(alias)).collect::<Result<Vec<_>, _>>()?;
        let own = unit.own_name();
        let Ok(top) = call.resolve(self.scope.config(), true) else { return Ok(None) };
        // Enabled by its own name or an alias of its own; indirectly by any other that leads to its file.
        let (mut enabled, mut indirect) = (false, false);
        for (path, inode) in call.tree().below(&top) {
            let Kind::Symlink(to) = &inode.kind else { continue };
            let deep = path.parent().is_some_and(|parent| parent != top);
            enabled |= if deep {
                path.name() == own
            } else {
                base(to) == own && aliases.iter().any(|alias| alias == path.name())
            };
            indirect |= base(to) == unit.name && path.name() != unit.name;
        }
        Ok(Some(match (enabled, indirect) {
            (true, _) => "enabled",
            (_, true) => "indirect",
            _ if unit.is_installable() => "disabled",
            _ if !unit.also.is_empty() => "indirect",
            _ => "static",
        }))
    }
}

/// The name of a link for an alias: of the same type, and with the unit's own instance.
fn alias_of(unit: &Unit, alias: &[u8]) -> Result<Vec<u8>, Fault> {
    let refused = || Fault::failed(format!("Cannot alias {} as {}.", show(&unit.name), show(alias)));
    if alias.contains(&b'/') {
        return Err(Fault::gap(format!("the alias `{}` with a directory", show(alias))));
    }
    let (own, other) = (Name::parse(&unit.name).ok_or_else(refused)?, Name::parse(alias).ok_or_else(refused)?);
    match (own.instance, other.instance) {
        _ if own.suffix != other.suffix => Err(refused()),
        (Some(instance), Some(b"")) if own.is_instance() => Ok(other.instantiate(instance)),
        (Some(_), None) | (None, Some(b"")) => Err(refused()),
        _ => Ok(alias.to_vec()),
    }
}
