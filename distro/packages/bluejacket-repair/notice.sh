# Says at login that a package transaction was broken off; without a process of its own: bash alone reads the file.
case $- in
    *i*) [ -n "${BASH_VERSION-}" ] && [ -r /run/bluejacket/repair ] && printf '*** %s\n' "$(</run/bluejacket/repair)" ;;
esac
