# Parted at the lines of dashes into scripts; the first part stands before each of the others.
exec 2>/dev/null
run() { "$@" > /dev/null; echo "$*: $?"; }
-----
run systemd-tmpfiles --create debian.conf home.conf journal-nocow.conf legacy.conf systemd-network.conf systemd.conf \
    tmp.conf var.conf x11.conf
run systemd-tmpfiles --create passwd.conf
-----
run systemd-tmpfiles --create --remove t.conf
-----
run systemd-tmpfiles --create --boot --prefix=/srv/t/boot --exclude-prefix=/srv/t/bootf /etc/tmpfiles.d/t.conf
run systemd-tmpfiles --remove t.conf
run systemd-tmpfiles --create nosuch.conf
-----
run systemd-tmpfiles --create --boot -E
run systemd-tmpfiles --create
