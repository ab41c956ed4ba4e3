#ifndef CCOUNT_H
#define CCOUNT_H
#include <stdint.h>
// Allocations since the program started.
int64_t count_allocations(void);
// Bytes in use by the allocator (mallinfo2: uordblks + hblkhd).
int64_t count_bytes_in_use(void);
#endif
