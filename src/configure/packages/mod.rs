//! What is known of single source packages: programs that their scripts call, what is each machine's own, traces that
//! they leave. One file for each, and [`ALL`] lists them; [`left`] has binary packages of which only one thing is known.
//! Whatever stands there is owed, for it has to be kept true when the package changes. No other part of the three rooms
//! knows a package by name.

pub(super) mod made;
pub(super) mod own;
pub(super) mod package;

mod apache2;
mod apparmor;
mod appstream;
mod apt_cacher_ng;
mod audit;
mod bacula;
mod bind9;
mod binfmt_support;
mod brltty;
mod ca_certificates_java;
mod ccache;
mod chrony;
mod console_setup;
mod cracklib;
mod cups;
mod curvedns;
mod dbus;
mod dconf;
mod desktop_file_utils;
mod dictionaries_common;
mod distcc;
mod dnssec_trigger;
mod dovecot;
mod dropbear;
mod ejabberd;
mod emacsen_common;
mod etckeeper;
mod exim4;
mod fake_hwclock;
mod fontconfig;
mod freeradius;
mod gdk_pixbuf;
mod ghc;
mod glib;
mod gnome_menus;
mod graphviz;
mod grub2;
mod gtk2;
mod gtk3;
mod gtk4;
mod icinga2;
mod iproute2;
mod iptables;
mod ircd_hybrid;
mod isa_support;
mod kbd;
mod kerberos_configs;
mod krb5;
mod libpaper;
mod libxml_sax_perl;
mod left;
mod lighttpd;
mod linux;
mod macaulay2;
mod mailcap;
mod mailman3;
mod man_db;
mod mariadb;
mod menu;
mod miniupnpd;
mod mokutil;
mod monitoring_plugins;
mod mono;
mod munge;
mod nsd;
mod nvme_cli;
mod oar;
mod octave;
mod open_iscsi;
mod openiked;
mod openldap;
mod openssh;
mod pacemaker;
mod partimage;
mod pciutils;
mod perl;
mod pkcs11_proxy;
mod plugins;
mod popularity_contest;
mod postfix;
mod postgresql_common;
mod postsrsd;
mod proftpd;
mod python3_defaults;
mod quassel;
mod rabbitmq_server;
mod roundcube;
mod scowl;
mod selinux;
mod sgml_base;
mod shadowsocks_libev;
mod shared_mime_info;
mod smartmontools;
mod spamassassin;
mod squid;
mod ssl_cert;
mod systemd;
mod sysvinit;
mod tex_common;
mod texinfo;
mod texlive_bin;
mod twisted;
mod update_inetd;
mod varnish;
mod vim;
mod vlc;
mod x2goserver;
mod xfonts_utils;
mod xml_core;
mod xrdp;
#[cfg(test)]
mod tests;
mod v2ray;
mod zfs_linux;
mod zoneminder;

use own::Own;
use package::Package;

use crate::digest::Sha256;
use crate::utilities::Command;

/// All of them, by name.
pub(super) const ALL: &[Package] = &[
    apache2::PACKAGE,
    apparmor::PACKAGE,
    appstream::PACKAGE,
    apt_cacher_ng::PACKAGE,
    audit::PACKAGE,
    bacula::PACKAGE,
    bind9::PACKAGE,
    binfmt_support::PACKAGE,
    brltty::PACKAGE,
    ca_certificates_java::PACKAGE,
    ccache::PACKAGE,
    chrony::PACKAGE,
    console_setup::PACKAGE,
    cracklib::PACKAGE,
    cups::PACKAGE,
    curvedns::PACKAGE,
    dbus::PACKAGE,
    dconf::PACKAGE,
    desktop_file_utils::PACKAGE,
    dictionaries_common::PACKAGE,
    distcc::PACKAGE,
    dnssec_trigger::PACKAGE,
    dovecot::PACKAGE,
    dropbear::PACKAGE,
    ejabberd::PACKAGE,
    emacsen_common::PACKAGE,
    etckeeper::PACKAGE,
    exim4::PACKAGE,
    fake_hwclock::PACKAGE,
    fontconfig::PACKAGE,
    freeradius::PACKAGE,
    gdk_pixbuf::PACKAGE,
    ghc::PACKAGE,
    glib::PACKAGE,
    gnome_menus::PACKAGE,
    graphviz::PACKAGE,
    grub2::PACKAGE,
    gtk2::PACKAGE,
    gtk3::PACKAGE,
    gtk4::PACKAGE,
    icinga2::PACKAGE,
    iproute2::PACKAGE,
    iptables::PACKAGE,
    ircd_hybrid::PACKAGE,
    isa_support::PACKAGE,
    kbd::PACKAGE,
    kerberos_configs::PACKAGE,
    krb5::PACKAGE,
    libpaper::PACKAGE,
    libxml_sax_perl::PACKAGE,
    lighttpd::PACKAGE,
    linux::PACKAGE,
    macaulay2::PACKAGE,
    mailcap::PACKAGE,
    mailman3::PACKAGE,
    man_db::PACKAGE,
    mariadb::PACKAGE,
    menu::PACKAGE,
    miniupnpd::PACKAGE,
    mokutil::PACKAGE,
    monitoring_plugins::PACKAGE,
    mono::PACKAGE,
    munge::PACKAGE,
    nsd::PACKAGE,
    nvme_cli::PACKAGE,
    oar::PACKAGE,
    octave::PACKAGE,
    open_iscsi::PACKAGE,
    openiked::PACKAGE,
    openldap::PACKAGE,
    openssh::PACKAGE,
    pacemaker::PACKAGE,
    partimage::PACKAGE,
    pciutils::PACKAGE,
    perl::PACKAGE,
    pkcs11_proxy::PACKAGE,
    popularity_contest::PACKAGE,
    postfix::PACKAGE,
    postgresql_common::PACKAGE,
    postsrsd::PACKAGE,
    proftpd::PACKAGE,
    python3_defaults::PACKAGE,
    quassel::PACKAGE,
    rabbitmq_server::PACKAGE,
    roundcube::PACKAGE,
    scowl::PACKAGE,
    selinux::PACKAGE,
    sgml_base::PACKAGE,
    shadowsocks_libev::PACKAGE,
    shared_mime_info::PACKAGE,
    smartmontools::PACKAGE,
    spamassassin::PACKAGE,
    squid::PACKAGE,
    ssl_cert::PACKAGE,
    systemd::PACKAGE,
    sysvinit::PACKAGE,
    tex_common::PACKAGE,
    texinfo::PACKAGE,
    texlive_bin::PACKAGE,
    twisted::PACKAGE,
    update_inetd::PACKAGE,
    v2ray::PACKAGE,
    varnish::PACKAGE,
    vim::PACKAGE,
    vlc::PACKAGE,
    x2goserver::PACKAGE,
    xfonts_utils::PACKAGE,
    xml_core::PACKAGE,
    xrdp::PACKAGE,
    zfs_linux::PACKAGE,
    zoneminder::PACKAGE,
];

/// What each machine has of its own, of all packages.
pub(super) fn own() -> impl Iterator<Item = &'static Own> {
    ALL.iter().flat_map(|package| package.own)
}

/// Why only the machine that it runs on can configure a binary package; `None` for nearly all.
pub(super) fn first_boot(package: &str) -> Option<&'static str> {
    let mut all = ALL.iter().flat_map(|package| package.first_boot);
    let by_source = all.find(|(known, _)| *known == package).map(|(_, why)| *why);
    by_source.or_else(|| left::LEFT.iter().find(|(_, packages)| packages.contains(&package)).map(|(why, _)| *why))
}

/// The program of this name.
pub(super) fn command(name: &str) -> Option<Command> {
    let name = python3_defaults::unversioned(name);
    let mut all = ALL.iter().flat_map(|package| package.commands);
    all.find(|(known, _)| *known == name).map(|(_, command)| *command)
}

/// Whether programs of these packages lie in a directory.
pub(super) fn holds_programs(directory: &[u8]) -> bool {
    let in_libraries = directory.starts_with(b"/usr/lib/") || directory.starts_with(b"/usr/libexec/");
    let holds = |package: &Package| {
        package.directories.iter().any(|known| known.as_bytes() == directory)
            || in_libraries && package.libraries.iter().any(|library| directory.ends_with(library.as_bytes()))
    };
    ALL.iter().any(holds)
}

/// A script of a kernel's without the version that it is for, which each of them has another one of.
fn without_version(text: &[u8]) -> Vec<u8> {
    let before = b"my $version  = \"";
    let Some(start) = memchr::memmem::find(text, before).map(|place| place + before.len()) else { return text.into() };
    let length = text[start..].iter().take_while(|byte| !b"\"\n".contains(byte)).count();
    [&text[..start], &text[start + length..]].concat()
}

/// What stands for a script in Perl: it is written anew for the shell, and known by its SHA-256, less the version of a
/// kernel, which is in its package's name too. A release that changes
/// it is named as a script that cannot be followed, and read again.
pub(super) fn rewritten(text: &[u8]) -> Option<&'static [u8]> {
    let digest = Sha256::of(&without_version(text)).to_string();
    let mut all = ALL.iter().flat_map(|package| package.scripts);
    all.find(|(known, _)| *known == digest).map(|(_, script)| script.as_bytes())
}
