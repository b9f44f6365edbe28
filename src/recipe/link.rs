//! The interface that nodes boot by: a card, or what the initramfs makes of cards.

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;

use super::Diskless;
use super::grammar;
use super::meaning::Checker;
use super::raw;

/// `bond =` of the diskless node
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bond {
    /// The cards, at least one, each once.
    pub members: Vec<String>,
    /// How they work together.
    pub mode: BondMode,
}

/// `mode =` of a bond
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum BondMode {
    /// One card works, and another takes over when its link is gone: with any switch.
    #[default]
    ActiveBackup,
    /// LACP: the switch must do it as well, and let ports work by themselves until then (LACP fallback), for firmware
    /// knows no bond.
    #[serde(rename = "802.3ad")]
    Lacp,
    /// By the addresses of packets over all cards: the switch must have them as one port (a static trunk).
    BalanceXor,
}

impl BondMode {
    /// As the kernel's module calls it (bonding.rst).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ActiveBackup => "active-backup",
            Self::Lacp => "802.3ad",
            Self::BalanceXor => "balance-xor",
        }
    }
}

impl Diskless {
    /// What the VLAN is one of, a card or the bond, and its number; `None`: there is no VLAN.
    #[must_use]
    pub fn vlan(&self) -> Option<(&str, u16)> {
        let (below, number) = self.interface.rsplit_once('.')?;
        Some((below, number.parse().ok()?))
    }

    /// What is below the VLAN, where there is one: a card, or the bond.
    #[must_use]
    pub fn below(&self) -> &str {
        self.vlan().map_or(self.interface.as_str(), |(below, _)| below)
    }

    /// The cards that the interface is, or is made of.
    #[must_use]
    pub fn cards(&self) -> Vec<&str> {
        self.bond.as_ref().map_or_else(|| vec![self.below()], |bond| bond.members.iter().map(String::as_str).collect())
    }

    /// Whether the interface is a card that is there without anybody making it.
    #[must_use]
    pub fn is_card(&self) -> bool {
        self.bond.is_none() && self.vlan().is_none()
    }

    /// The kernel modules that make the interface.
    #[must_use]
    pub fn link_modules(&self) -> Vec<&'static str> {
        let bond = self.bond.as_ref().map(|_| "bonding");
        self.vlan().map(|_| "8021q").into_iter().chain(bond).collect()
    }
}

/// The interface and its bond; `None` where one is wrong.
pub(super) fn link(checker: &mut Checker<'_>, raw: &raw::Diskless) -> Option<(String, Option<Bond>)> {
    let interface = checker.get_or("diskless.interface", raw.interface.as_ref(), "eth0", grammar::boot_interface)?;
    let below = interface.split('.').next().unwrap_or_default();
    let Some(at) = &raw.bond else {
        if grammar::is_bond(below) {
            let message = format!("`diskless.interface` is a bond, and `bond` does not say of which cards: {below}");
            let help = r#"write bond = { members = ["eth0", "eth1"] }, or name one card"#.to_owned();
            raw.interface.iter().for_each(|text| checker.report(text, message.clone(), Some(help.clone())));
            return None;
        }
        return Some((interface, None));
    };
    if !grammar::is_bond(below) {
        let help = "name it `interface = \"bond0\"`, or `\"bond0.100\"` for a VLAN of it".to_owned();
        checker.report(at, "`diskless.bond` needs an `interface` that is a bond".to_owned(), Some(help));
        return None;
    }
    let members = checker.list("diskless.bond.members", &at.value.members, grammar::card)?;
    if members.is_empty() {
        checker.report(at, "`diskless.bond.members` names no card".to_owned(), None);
    }
    for (position, text) in at.value.members.iter().enumerate() {
        if members[..position].contains(&members[position]) {
            checker.report(text, format!("`{}` is in the bond already", members[position]), None);
        }
    }
    Some((interface, Some(Bond { members, mode: at.value.mode.unwrap_or_default() })))
}
