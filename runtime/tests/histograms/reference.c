// Makes reference_c.txt: what the C library says of fixed sequences of values, as Reference.java does of the original.
//   npm pack native-hdr-histogram@1.0.0 && tar xf native-hdr-histogram-1.0.0.tgz    # has HdrHistogram_c 0.11.1 in it
//   cc -Ipackage/HdrHistogram_c/src reference.c package/HdrHistogram_c/src/hdr_histogram.c -lm -o reference
//   ./reference > reference_c.txt
#include <hdr_histogram.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double percentiles[] = {0.1, 1, 10, 25, 50, 75, 90, 99, 99.9, 99.99, 99.999, 100};

// Splitmix64 (Steele, Lea, Flood 2014), one step for each number.
static uint64_t random_of(uint64_t index) {
  uint64_t z = (index + 1) * 0x9e3779b97f4a7c15U;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31);
}

static int64_t value_of(const char* sequence, uint64_t index, uint64_t value_max) {
  const uint64_t drawn = random_of(index) >> 1;
  if (strcmp(sequence, "counting") == 0) return (int64_t)(index % (value_max + 1));
  if (strcmp(sequence, "even") == 0) return (int64_t)(drawn % (value_max + 1));
  if (strcmp(sequence, "of-every-size") == 0)
    return (int64_t)((drawn >> (random_of(index + 1000000000U) >> 58)) % (value_max + 1));
  const uint64_t usual = 20000 + drawn % 5000;  // latencies with a tail
  if (index % 1000 == 999) return (int64_t)(usual * 400);
  return (int64_t)(index % 100 == 50 ? usual * 7 : usual);
}

static void print(const char* sequence, int digits, int64_t value_max, uint64_t count, int64_t interval) {
  struct hdr_histogram* histogram = NULL;
  if (hdr_init(1, value_max, digits, &histogram) != 0) exit(1);
  for (uint64_t i = 0; i < count; ++i) {
    const int64_t value = value_of(sequence, i, (uint64_t)value_max);
    const bool recorded = interval == 0 ? hdr_record_value(histogram, value)
                                        : hdr_record_corrected_value(histogram, value, interval);
    if (!recorded) exit(1);
  }
  printf("%s %d %" PRId64 " %" PRIu64 " %" PRId64 " %" PRId64, sequence, digits, value_max, count, interval,
         histogram->total_count);
  for (size_t i = 0; i < sizeof percentiles / sizeof *percentiles; ++i)
    printf(" %" PRId64, hdr_value_at_percentile(histogram, percentiles[i]));
  printf("\n");
  hdr_close(histogram);
}

int main(void) {
  printf("# HdrHistogram_c 0.11.1, as reference.c made it:\n");
  printf("# sequence digits value_max values interval, then count and the values at\n");
  printf("# 0.1 1 10 25 50 75 90 99 99.9 99.99 99.999 100 per cent\n");
  for (int digits = 1; digits <= 5; ++digits) {
    print("counting", digits, 1000000, 1000001, 0);
    print("even", digits, 3600000000000, 100000, 0);
    print("of-every-size", digits, 3600000000000, 100000, 0);
    print("of-every-size", digits, (int64_t)1 << 61, 30000, 0);
    print("latencies", digits, 3600000000000, 100000, 0);
    print("latencies", digits, 100000000, 20000, 25000);
  }
  print("latencies", 3, 3600000000000, 1, 0);
  print("latencies", 3, 3600000000000, 3, 0);
  print("counting", 3, 10000, 1000, 0);
  return 0;
}
