#!/bigiron/busybox sh
# First process of the guest. It stands, with its own busybox, in /bigiron, so that it also works on
# top of somebody else's initramfs. Without /bigiron/command it gives a shell on the console, with it,
# it runs that command as initramfs.py describes. Either way it powers the machine off in the end.

busybox=/bigiron/busybox
export PATH=/bin:/sbin:/usr/bin:/usr/sbin HOME=/ ENV=/bigiron/profile

$busybox mkdir -p /proc /sys /dev /tmp
$busybox mount -t devtmpfs dev /dev
$busybox mount -t proc proc /proc
$busybox mount -t sysfs sys /sys
$busybox mount -t tmpfs tmp /tmp
$busybox hostname bigiron
cd /

if [ -e /bigiron/command ]; then
  read -r token </bigiron/token
  $busybox stty -F /dev/ttyS0 raw -echo
  $busybox stty -F /dev/ttyS1 raw -echo 115200
  $busybox dmesg -n 4
  printf '%s\n' "$token" >/dev/ttyS0
  $busybox setsid $busybox sh -c '. /bigiron/profile; . /bigiron/command' </dev/null >/dev/ttyS1 2>/dev/ttyS0
  status=$?
  printf '%s\n' "$token" >/dev/ttyS0
  $busybox stty -F /dev/ttyS0 sane # waits until all of it has been sent
  printf '%s %d\n' "$token" $status >/dev/ttyS1
else
  $busybox setsid $busybox cttyhack $busybox sh
fi
$busybox poweroff -f
