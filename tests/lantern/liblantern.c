const char *lantern_state(void)
{
    return "flame: open, glass: cracked";
}
