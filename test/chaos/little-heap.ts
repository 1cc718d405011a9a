/** So that memory which grows can be told from garbage that nobody has collected yet. */

/** What is started meanwhile collects its garbage before there is much of it: what grows all the same is kept by somebody. */
export async function withLittleHeap<T>(start: () => Promise<T>, mebibytes = 48): Promise<T> {
  const { NODE_OPTIONS } = process.env;
  process.env.NODE_OPTIONS = `${NODE_OPTIONS ?? ''} --max-old-space-size=${mebibytes} --max-semi-space-size=2`;
  try {
    return await start();
  } finally {
    if (NODE_OPTIONS === undefined) delete process.env.NODE_OPTIONS;
    else process.env.NODE_OPTIONS = NODE_OPTIONS;
  }
}
