export async function runWhatIf(_a: unknown, _b: unknown): Promise<number> {
  return 1;
}
