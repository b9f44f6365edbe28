# Parted at the lines of dashes into scripts; the first part stands before each of the others.
exec 2>/dev/null
all="plain.service multi.service quoted.service spaced.service lower.service tmpl@.service tmpln@.service
tmplp@.service tmpl@two.service tmplp@q.service also1.service also2.service also3.socket onlyalso.service
static.service dropped.service empty.service null.service vendoralias.service valias@.service valias@k.service
alsomissing.service badalias.service badwant.service specifier.service off.service pinst@.service etcover.service
nothing.service getty@tty1.service rpcbind.socket rpcbind.service nfs-client.target fstrim.timer"
states() { for unit in $all; do state=$(systemctl is-enabled $unit); echo $unit $? $state; done; }
run() { "$@" > /dev/null; echo "$*: $?"; }
-----
states
for unit in $all; do run systemctl --root=/ --preset-mode=enable-only preset $unit; done
states
-----
for unit in $all; do
    for verb in unmask enable was-enabled update-state is-enabled debian-installed; do
        run deb-systemd-helper $verb $unit
    done
done
run deb-systemd-helper mask plain.service etcover.service ghost.service
run deb-systemd-helper disable multi.service also1.service
run deb-systemd-helper purge quoted.service dropped.service
run deb-systemd-helper reenable tmpl@.service
run deb-systemd-helper unmask plain.service nothing
run deb-systemd-helper --user enable nope.service
run deb-systemd-helper --user enable mine.service
run deb-systemd-helper enable plain.service multi.service
-----
umask 066
for unit in $all; do run deb-systemd-helper enable $unit; run deb-systemd-helper update-state $unit; done
-----
umask 077
for unit in plain.service multi.service tmpl@two.service; do run systemctl -q enable $unit; done
-----
# systemd 252 succeeds where a template without an instance is required, though it makes no link.
for unit in $all; do test $unit = tmplp@.service || run systemctl -q enable $unit; done
states
run systemctl mask plain.service etcover.service ghost.service multi
states
run systemctl unmask plain.service multi getty@tty1.service
run systemctl enable /opt/u/linked.service
run systemctl enable initonly
run systemctl disable plain tmpl@two.service dropped
run systemctl disable also2.service
run systemctl --force enable multi
run systemctl set-default rescue.target
systemctl get-default
run systemctl reenable specifier
run systemctl disable ghost
run systemctl disable getty@.service
run systemctl is-enabled initonly
run systemctl disable static.service
states
-----
# Of units that cannot be enabled systemd 252 says so at the end, 257 does not.
systemctl preset-all > /dev/null
run systemctl --global preset-all
run systemctl preset off.service plain.service
states
-----
run update-rc.d initonly defaults
run update-rc.d initonly disable 2 S
run update-rc.d initonly enable 2
run update-rc.d initonly defaults-disabled
run update-rc.d plain defaults-disabled
run update-rc.d plain enable
run update-rc.d plain disable
run update-rc.d plain remove
run update-rc.d plain start 20 2 3 . stop 80 0 .
run update-rc.d nosuch defaults
run update-rc.d -f nosuch remove
run update-rc.d nosuch enable
-----
systemd-escape -p /var/lib
systemd-escape 'a b/c-d' .x
systemd-escape -u 'a\x20b-c'
systemd-escape --template=foo@.service 'x y'
systemd-escape --suffix=mount -p /a-b/c
systemd-escape -p /
