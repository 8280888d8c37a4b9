// Makes reference.txt: what the original HdrHistogram says of fixed sequences of values.
//   apt install openjdk-17-jdk-headless libhdrhistogram-java
//   java -cp /usr/share/java/hdrhistogram.jar Reference.java > reference.txt
// The sequences are made the same way in ../histogram_test.cpp.
import org.HdrHistogram.Histogram;

class Reference {
  static final double[] PERCENTILES = {0.1, 1, 10, 25, 50, 75, 90, 99, 99.9, 99.99, 99.999, 100};

  // Splitmix64 (Steele, Lea, Flood 2014), one step for each number.
  static long random(long index) {
    long z = (index + 1) * 0x9e3779b97f4a7c15L;
    z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
    z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
    return z ^ (z >>> 31);
  }

  static long value(String sequence, long index, long valueMax) {
    long drawn = random(index) >>> 1;
    switch (sequence) {
      case "counting":
        return index % (valueMax + 1);
      case "even":
        return drawn % (valueMax + 1);
      case "of-every-size":
        return (drawn >>> (random(index + 1_000_000_000L) >>> 58)) % (valueMax + 1);
      default: {  // latencies with a tail
        long usual = 20_000 + drawn % 5_000;
        if (index % 1000 == 999) return usual * 400;
        return index % 100 == 50 ? usual * 7 : usual;
      }
    }
  }

  static void print(String sequence, int digits, long valueMax, long count, long interval) {
    Histogram histogram = new Histogram(valueMax, digits);
    for (long i = 0; i < count; ++i) {
      long value = value(sequence, i, valueMax);
      if (interval == 0) histogram.recordValue(value);
      else histogram.recordValueWithExpectedInterval(value, interval);
    }
    StringBuilder line = new StringBuilder();
    line.append(sequence).append(' ').append(digits).append(' ').append(valueMax).append(' ').append(count);
    line.append(' ').append(interval).append(' ').append(histogram.getTotalCount());
    line.append(' ').append(histogram.getMean());
    for (double percentile : PERCENTILES) line.append(' ').append(histogram.getValueAtPercentile(percentile));
    System.out.println(line);
  }

  public static void main(String[] words) {
    System.out.println("# HdrHistogram 2.1.11 (Java, Debian), as Reference.java made it:");
    System.out.println("# sequence digits value_max values interval, then count, mean and the values at");
    System.out.println("# 0.1 1 10 25 50 75 90 99 99.9 99.99 99.999 100 per cent");
    for (int digits = 1; digits <= 5; ++digits) {
      print("counting", digits, 1_000_000, 1_000_001, 0);
      print("even", digits, 3_600_000_000_000L, 100_000, 0);
      print("of-every-size", digits, 3_600_000_000_000L, 100_000, 0);
      print("of-every-size", digits, 1L << 61, 30_000, 0);
      print("latencies", digits, 3_600_000_000_000L, 100_000, 0);
      print("latencies", digits, 100_000_000, 20_000, 25_000);
    }
    print("latencies", 3, 3_600_000_000_000L, 1, 0);
    print("latencies", 3, 3_600_000_000_000L, 3, 0);
    print("counting", 3, 10_000, 1000, 0);
  }
}
