// How long tests may take before somebody ends them, in seconds of the environment or as is usual here.

const seconds = (name, usual) => {
  const given = Number(process.env[name]);
  return (given > 0 ? given : usual) * 1_000;
};

/** One test file; the longest takes a minute and a half on two quiet cores. */
export const fileLimitMs = () => seconds('XEBEC_TEST_FILE_LIMIT', 8 * 60);

/** All of them; about a quarter of an hour on two quiet cores. */
export const runLimitMs = () => seconds('XEBEC_TEST_RUN_LIMIT', 40 * 60);

/** From the last result to the end of the run, and what a file may be late to be ended. */
export const endLimitMs = () => seconds('XEBEC_TEST_END_LIMIT', 2 * 60);
