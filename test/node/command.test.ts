import { commandSuite } from './command-suite.ts';

commandSuite('started by child_process', { shells: false });
commandSuite('started by a kept shell', { shells: true });
