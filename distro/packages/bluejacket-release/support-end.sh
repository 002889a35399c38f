# Says at login that the system is past its SUPPORT_END (os-release(5)). Silent before that day is over, and
# without a process of its own: bash alone reads the file and knows the day.
__support_end() {
    [ -n "${BASH_VERSION-}" ] && [ -r /etc/os-release ] || return 0
    local key value today PRETTY_NAME= SUPPORT_END= SUPPORT_URL= HOME_URL=
    while IFS='=' read -r key value; do
        value=${value#[\"\']}
        value=${value%[\"\']}
        case $key in
            PRETTY_NAME | SUPPORT_END | SUPPORT_URL | HOME_URL) printf -v "$key" %s "$value" ;;
        esac
    done </etc/os-release
    TZ=UTC0 printf -v today '%(%Y-%m-%d)T' -1
    [ -n "$SUPPORT_END" ] && [ "$today" \> "$SUPPORT_END" ] || return 0
    printf '%s\n' \
        "*** The support of $PRETTY_NAME ended on $SUPPORT_END: this system gets no security fixes any more." \
        "*** Move to a release that is supported: ${SUPPORT_URL:-$HOME_URL}"
}
case $- in
    *i*) __support_end ;;
esac
unset -f __support_end
