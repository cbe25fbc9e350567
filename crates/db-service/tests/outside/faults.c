/* Loaded before the C library: the n-th call that changes a file below a folder fails, once or from then on.

   COMPTOIR_FAULT_FOLDER  the folder
   COMPTOIR_FAULT_AT      which call, counted from 1
   COMPTOIR_FAULT_ERRNO   with which error
   COMPTOIR_FAULT_STAYS   set when all later calls fail too
   COMPTOIR_FAULT_FIRED   a file that is made when it happens */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static atomic_long calls;

static int is_below(int fd) {
    const char *folder = getenv("COMPTOIR_FAULT_FOLDER");
    char link[64], path[4096];
    if (folder == NULL) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    return strncmp(path, folder, strlen(folder)) == 0;
}

/* The error of this call, 0 for none. */
static int fault(int fd) {
    int before = errno;
    const char *at = getenv("COMPTOIR_FAULT_AT");
    if (at == NULL || !is_below(fd)) {
        errno = before;
        return 0;
    }
    long call = atomic_fetch_add(&calls, 1) + 1;
    if (call != atol(at) && !(call > atol(at) && getenv("COMPTOIR_FAULT_STAYS"))) {
        errno = before;
        return 0;
    }
    int fired = open(getenv("COMPTOIR_FAULT_FIRED"), O_CREAT | O_WRONLY, 0600);
    if (fired >= 0) close(fired);
    errno = atoi(getenv("COMPTOIR_FAULT_ERRNO"));
    return errno;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *bytes, size_t count) {
    return fault(fd) ? -1 : REAL(write)(fd, bytes, count);
}
ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
    return fault(fd) ? -1 : REAL(pwrite)(fd, bytes, count, offset);
}
ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) {
    return fault(fd) ? -1 : REAL(pwrite64)(fd, bytes, count, offset);
}
int fsync(int fd) { return fault(fd) ? -1 : REAL(fsync)(fd); }
int fdatasync(int fd) { return fault(fd) ? -1 : REAL(fdatasync)(fd); }
int ftruncate(int fd, off_t length) { return fault(fd) ? -1 : REAL(ftruncate)(fd, length); }
int ftruncate64(int fd, off64_t length) { return fault(fd) ? -1 : REAL(ftruncate64)(fd, length); }
int posix_fallocate(int fd, off_t offset, off_t length) {
    int error = fault(fd);
    return error ? error : REAL(posix_fallocate)(fd, offset, length);
}
int posix_fallocate64(int fd, off64_t offset, off64_t length) {
    int error = fault(fd);
    return error ? error : REAL(posix_fallocate64)(fd, offset, length);
}
