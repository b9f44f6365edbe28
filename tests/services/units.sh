# Makes a root that nothing was enabled in, with units and init scripts that are easy to get wrong.
rm -rf /etc/systemd/system/* /etc/systemd/user/* /var/lib/systemd/deb-systemd-* /etc/rc?.d/[SK]*
cd /usr/lib/systemd/system
unit() { printf '[Unit]\nDescription=x\n[Service]\nExecStart=/bin/true\n%b' "$2" > "$1"; }
unit plain.service '[Install]\nWantedBy=multi-user.target\n'
unit multi.service '[Install]\nAlias=m1.service m2.service\nWantedBy=multi-user.target graphical.target\nRequiredBy=a.service\nUpheldBy=b.service\n'
unit quoted.service '[Install]\nAlias="q1.service"\nWantedBy="multi-user.target"\n'
unit spaced.service '[Install]\nWantedBy = multi-user.target\nAlias= s1.service\n'
unit lower.service '[Install]\nwantedby=multi-user.target\n'
unit tmpl@.service '[Install]\nWantedBy=multi-user.target\nDefaultInstance=one\nAlias=ta@.service\n'
unit tmpln@.service '[Install]\nWantedBy=multi-user.target\n'
unit tmplp@.service '[Install]\nWantedBy=foo@%i.service\nRequiredBy=%p.target\n'
unit also1.service '[Install]\nAlso=also2.service also3.socket\nWantedBy=multi-user.target\n'
unit also2.service '[Install]\nAlso=also1.service\nRequiredBy=multi-user.target\n'
unit also3.socket '[Install]\nWantedBy=sockets.target\n'
unit onlyalso.service '[Install]\nAlso=plain.service\n'
unit static.service ''
unit dropped.service '[Install]\nWantedBy=multi-user.target\n'
unit alsomissing.service '[Install]\nAlso=nothere.service null.service\nWantedBy=multi-user.target\n'
unit badalias.service '[Install]\nAlias=x.socket\nWantedBy=multi-user.target\n'
unit badwant.service '[Install]\nWantedBy=not-a-unit multi-user.target\n'
unit specifier.service '[Install]\nWantedBy=%N-x.target\nAlias=%p-2.service\n'
unit off.service '[Install]\nWantedBy=multi-user.target\n'
unit pinst@.service '[Install]\nWantedBy=multi-user.target\n'
unit etcover.service '[Install]\nWantedBy=multi-user.target\n'
unit /etc/systemd/system/etcover.service '[Install]\nWantedBy=timers.target\n'
unit ../user/mine.service '[Install]\nWantedBy=default.target\n'
mkdir -p dropped.service.d /etc/systemd/system/dropped.service.d /etc/systemd/system-preset /opt/u
printf '[Install]\nWantedBy=\nWantedBy=timers.target\nAlias=dr.service\n' > /etc/systemd/system/dropped.service.d/a.conf
printf '[Install]\nRequiredBy=x.target\n' > dropped.service.d/b.conf
printf '[Install]\nRequiredBy=y.target\n' > dropped.service.d/a.conf
: > empty.service
ln -s /dev/null null.service
ln -s plain.service vendoralias.service
ln -s tmpl@.service valias@.service
printf 'disable off*\nenable pinst@.service a b\n' > /etc/systemd/system-preset/10-x.preset
unit /opt/u/linked.service '[Install]\nWantedBy=timers.target\n'
mkdir -p /etc/systemd/system/timers.target.wants
ln -s /lib/systemd/system/plain.service /etc/systemd/system/timers.target.wants/plain.service
ln -s /usr/lib/systemd/system/static.service /etc/systemd/system/m2.service
cat > /etc/init.d/initonly <<'END'
#!/bin/sh
### BEGIN INIT INFO
# Provides: off
# Default-Start: 2 3 S
# Default-Stop: 0 1 6
### END INIT INFO
END
chmod 755 /etc/init.d/initonly
cp /etc/init.d/initonly /etc/init.d/plain
