import { houseRules } from '../../source/node/house-rules.ts';
import { commandSuite } from './command-suite.ts';

commandSuite('started by child_process', { shells: false });
commandSuite('started by a shell that becomes it', { shells: false, rules: houseRules({ workRoot: '/' }) });
commandSuite('started by a kept shell', { shells: true });
