/** How much memory this process takes. */
let lastBytes = 0;

/** Returns it in bytes; what it was before where the system does not say, as it does by a file that cannot be opened now. */
export function residentBytes(): number {
  try {
    lastBytes = process.memoryUsage.rss();
  } catch {
    // No descriptor is left: everything else can still be answered.
  }
  return lastBytes;
}
