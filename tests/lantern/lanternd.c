#include <stdio.h>
#include <unistd.h>

const char *lantern_state(void);

int main(int count, char **words)
{
    puts(lantern_state());
    fflush(stdout);
    (void)words;
    while (count > 1)
        pause();
    return 0;
}
