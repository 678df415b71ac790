# Read by every shell that guest-init.sh starts.

# busybox's dmesg lacks -l LEVEL[,LEVEL...]: messages of these levels only. A raw line begins with <8 * facility + level>.
dmesg() {
  if [ "$1" != -l ]; then
    /bigiron/busybox dmesg "$@"
    return
  fi
  /bigiron/busybox dmesg -r | awk -v "wanted=$2" '
    BEGIN {
      split("emerg alert crit err warn notice info debug", names)
      count = split(wanted, list, ",")
      for (i = 1; i <= count; i++) show[list[i]] = 1
    }
    match($0, /^<[0-9]+>/) {
      level = substr($0, 2, RLENGTH - 2) % 8
      if (names[level + 1] in show) print substr($0, RLENGTH + 1)
    }'
}
