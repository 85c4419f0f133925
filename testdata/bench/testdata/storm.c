/* SPDX-License-Identifier: Apache-2.0 */
/* storm PROGRAM MARK EXECS LOOPS RATE BYTES: runs PROGRAM with MARK, the number of
 * the execution, and when BYTES is not 0 an argument of that many bytes. LOOPS
 * processes share the numbers. RATE is how many a second altogether, 0: as many as go. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void pause_until(struct timespec *at, long ns)
{
	at->tv_nsec += ns;
	while (at->tv_nsec >= 1000000000) {
		at->tv_nsec -= 1000000000;
		at->tv_sec++;
	}
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, at, NULL);
}

static int loop(char **argv, long first, long execs, long loops, long rate, char *pad)
{
	char number[24];
	char *args[] = { argv[2], number, pad, NULL }, *env[] = { NULL };
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	for (long i = first; i < execs; i += loops) {
		if (rate)
			pause_until(&at, loops * 1000000000 / rate);
		snprintf(number, sizeof(number), "%ld", i);
		int status;
		pid_t pid = vfork();
		if (pid == 0) {
			execve(argv[1], args, env);
			_exit(127);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
			return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 7)
		return 2;
	long execs = atol(argv[3]), loops = atol(argv[4]), rate = atol(argv[5]), bytes = atol(argv[6]);
	char *pad = NULL;
	if (bytes) {
		pad = malloc(bytes + 1);
		memset(pad, 'a', bytes);
		pad[bytes] = 0;
	}
	for (long l = 0; l < loops; l++)
		if (fork() == 0)
			_exit(loop(argv, l, execs, loops, rate, pad));
	int failed = 0, status;
	while (wait(&status) > 0)
		failed |= status;
	return failed != 0;
}
