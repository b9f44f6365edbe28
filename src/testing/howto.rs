//! The head of the Debian Diskless Cluster Howto.

/// Its files by path, line by line as the Howto has them, where its page has lost the ends of lines.
pub const HOWTO: [(&str, &str); 13] = [
    (
        "etc/dnsmasq.conf",
        "dhcp-range=192.168.1.50,192.168.1.150,255.255.255.0,12h\ndhcp-boot=pxelinux.0,headnode,192.168.1.1\n\
         dhcp-host=id:00:21:97:7d:ad:bf,192.168.1.10\ndhcp-host=id:00:21:97:7a:24:0f,192.168.1.11\n\
         dhcp-host=id:00:21:97:7d:b3:26,192.168.1.12\n",
    ),
    (
        "etc/xinetd/tftp-hpa",
        "service tftp\n{\ndisable = no\nid = chargen-dgram\nsocket_type = dgram\nprotocol = udp\nuser = root\n\
         wait = yes\nserver = /usr/sbin/in.tftpd\nserver_args = -s /var/lib/tftpboot/\n}\n",
    ),
    (
        "var/lib/tftpboot/pxelinux.cfg/default",
        "LABEL linux\nKERNEL vmlinuz-2.6.29\nAPPEND root=/dev/nfs initrd=initrd.img-2.6.29 \
         nfsroot=192.168.1.1:/home/nfsroot ip=dhcp rw\n",
    ),
    (
        "var/lib/tftpboot/pxelinux.cfg/01-00-21-97-7a-24-0f",
        "LABEL linux\nKERNEL vmlinuz-2.6.29\nAPPEND root=/dev/nfs initrd=initrd.img-2.6.29 \
         nfsroot=192.168.1.1:/home/nfsroot ip=dhcp rw mem=2G\n",
    ),
    ("etc/exports", "/home/nfsroot 192.168.1.0/255.255.255.0(rw,no_subtree_check,async,no_root_squash)\n"),
    (
        "etc/hosts",
        "127.0.0.1 localhost\n10.13.99.1 scoop head\n192.168.1.10 dizzy db\n192.168.1.11 tumbler\n\
         192.168.1.12 scrambler\n",
    ),
    (
        "home/nfsroot/etc/fstab",
        "#proc /proc proc defaults 0 0\n/dev/nfs / nfs defaults 0 0\nnone /tmp tmpfs defaults 0 0\n\
         none /var/run tmpfs defaults 0 0\nnone /var/lock tmpfs defaults 0 0\nnone /var/tmp tmpfs defaults 0 0\n\
         none /media tmpfs defaults 0 0\nnone /var/log tmpfs defaults 0 0\n",
    ),
    ("home/nfsroot/etc/network/interfaces", "auto lo\niface lo inet loopback\niface eth0 inet dhcp\n"),
    (
        "home/nfsroot/bin/whereami",
        "#!/bin/bash\n#finds node's hostname based on matching ip in /etc/hosts\n\
         grep `ifconfig | grep 'inet addr:'| grep -v '127.0.0.1' | /usr/bin/cut -d: -f2 \\\n\
         | /usr/bin/awk '{ print $1}'` /etc/hosts | /usr/bin/awk '{print $2}'\n",
    ),
    ("home/nfsroot/etc/init.d/hostname.sh", "#!/bin/sh\n[ -f /etc/hostname ] && HOSTNAME=\"$(/bin/whereami)\"\n"),
    (
        "home/nfsroot/etc/init.d/mysql",
        "#!/bin/bash\nhostname=$(hostname)\nif [ $hostname != \"dizzy\" ]; then\nexit 0\nfi\nset -e\n",
    ),
    (
        "etc/syslog-ng/syslog-ng.conf",
        "source s_udp {\nudp ( ip(192.168.1.1) ); # replace with your system's IP address\n};\n",
    ),
    ("home/nfsroot/etc/syslog-ng/syslog-ng.conf", "destination remote_udp { udp(\"192.168.1.1\"); };\n"),
];
