# The head of a boot, in namespaces of its own. Run by unshare(1) with the lab as current directory; the file `setup`
# there says what is wanted. Then takes lines of shell from standard input, and when there are no more all ends: this
# is the first process of its PID namespace, so the kernel ends every other.
# shellcheck shell=sh disable=SC2154,SC2164 # `setup` assigns what is used, and `sh -e` ends at what fails

# shellcheck source=/dev/null # it says output, bundle, interface, joins, address, prefix and mounts
. ./setup

lab=$PWD
# What an earlier lab here may have left because it was killed; only in this user namespace it can be removed.
rm -rf disk
mkdir -p disk new

# A root like the host's, in memory: nothing that the head's files overwrite is the host's own.
mount -t tmpfs -o mode=0755 tmpfs new
cd "$lab/new"
mkdir dev etc lab old output proc run srv sys tmp var
chmod 1777 tmp
for name in bin sbin lib lib32 lib64 libx32 usr; do
	if [ -L "/$name" ]; then
		cp -P "/$name" "$name"
	elif [ -d "/$name" ]; then
		mkdir "$name"
		mount --rbind "/$name" "$name"
	fi
done
# What a user may not read, such as the host's keys, no service of the head needs.
cp -r --no-preserve=ownership /etc/. etc/ 2>/dev/null || :
# Services would replace what is in the host's /dev, such as the log socket, or read it.
mkdir dev/net dev/shm
for name in null zero full random urandom tty net/tun kvm; do
	[ -e "/dev/$name" ] || continue
	: >"dev/$name"
	mount --bind "/dev/$name" "dev/$name"
done
mount -t proc proc proc
mount --rbind /sys sys
mount --rbind "$lab" lab
mount --rbind "$output" output
mkdir -p var/lib/misc var/lib/nfs/ganesha var/lib/syslog-ng var/log run/ganesha run/rpcbind
mkdir -m 1777 var/tmp
mount --bind "$lab/log" var/log
pivot_root . old
umount -l /old
cd /

# As the bundle's own README says.
for path in "/output/$bundle"/*; do
	case ${path##*/} in
	# The host's own, or the lab's.
	bin | sbin | lib* | usr | dev | proc | sys | run | tmp | lab | output | old) ;;
	*) [ ! -d "$path" ] || [ -L "$path" ] || cp -r --no-preserve=ownership "$path" / ;;
	esac
done
# A directory below the lab's `disk`, and where it lies on the head: what nodes mount must be on a file system that
# has file handles, and tmpfs would take it all into memory.
printf '%s\n' "$mounts" | while read -r source target; do
	[ -n "$source" ] || continue
	mkdir -p "/lab/disk/$source" "$target"
	mount --bind "/lab/disk/$source" "$target"
done

ip link set lo up
if [ -n "$joins" ]; then
	# Another head's network: whoever can see both namespaces lays the cable.
	echo cable
	until ip link show dev "$interface" >/dev/null 2>&1; do sleep 0.1; done
else
	ip link add "$interface" type bridge
fi
ip address add "$address/$prefix" dev "$interface"
ip link set "$interface" up

# start NAME COMMAND...: a service.
start() {
	start_name=$1
	shift
	(
		"$@" </dev/null >>"/var/log/$start_name.out" 2>&1 &
		echo "$!" >"/run/$start_name.id"
		# How it ended is not asked: the shell would end with it before it is told.
		wait "$!" || :
		echo "ended $start_name"
	) &
}

# stop NAME: a service or machine, at once, as if its power had failed.
stop() {
	kill -9 "$(cat "/run/$1.id")"
}

# machine NAME TAP COMMAND...: a machine on the head's network.
machine() {
	ip tuntap add "$2" mode tap
	ip link set "$2" master "$interface" up
	machine_name=$1
	shift 2
	start "$machine_name" "$@"
}

echo ready
while IFS= read -r line; do
	eval "$line"
done
