import type { Comparison } from '../lab/bench/against.ts';
import type { Judgement } from '../lab/bench/judge.ts';
import {
  changeOf,
  comparisonNotes,
  comparisonTitle,
  formatFigure,
  intervalOf,
  nameOf,
  probabilityOf,
} from './comparison.ts';
import { escapeXml } from './escape-xml.ts';

/**
 * Returns a comparison as a JUnit report, which CI systems show as tests: a test case for each metric, which fails when
 * it is a regression and is skipped when it could not be compared. `seconds` is how long the comparison took. The
 * elements and attributes are those that Jenkins' xunit plug-in and GitLab read
 * (https://github.com/jenkinsci/xunit-plugin, src/main/resources/org/jenkinsci/plugins/xunit/types/model/xsd/junit-10.xsd).
 */
export function comparisonJunit(comparison: Comparison, seconds: number): string {
  const { judgements, notCompared, bench } = comparison;
  const failures = judgements.filter(({ verdict }) => verdict === 'regression').length;
  const counts = {
    tests: judgements.length + notCompared.length,
    failures,
    errors: 0,
    time: seconds.toFixed(3),
  };
  const skippedCount = { skipped: notCompared.length };
  const name = `pageferry bench ${bench}`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites${attributes({ name, ...counts })}>`,
    `  <testsuite${attributes({ name, ...counts, ...skippedCount })}>`,
    '    <properties>',
    ...Object.entries(propertiesOf(comparison)).map(
      ([key, value]) => `      <property${attributes({ name: key, value })}/>`,
    ),
    '    </properties>',
    ...judgements.map((one) => judged(name, one)),
    ...notCompared.map((what) => skipped(name, what)),
    `    <system-out>${escapeXml(systemOut(comparison))}</system-out>`,
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}

function propertiesOf({ before, after, options }: Comparison): Record<string, string> {
  return {
    'before.commit': before.commit ?? 'unknown',
    'after.commit': after.commit ?? 'unknown',
    'after.version': after.version,
    ...Object.fromEntries(Object.entries(options).map(([key, value]) => [`--${key}`, value])),
  };
}

const systemOut = (comparison: Comparison): string =>
  [comparisonTitle(comparison), ...comparisonNotes(comparison)].join('\n');

function judged(suite: string, one: Judgement): string {
  const text = `${formatFigure(one.before)} → ${formatFigure(one.after)} ${one.unit}: ${changeOf(one)}, ${intervalOf(one)}, p ${probabilityOf(one)}`;
  const message = `${nameOf(one)}: ${changeOf(one)}`;
  const inside =
    one.verdict === 'regression'
      ? `<failure${attributes({ message, type: 'regression' })}>${escapeXml(text)}</failure>`
      : `<system-out>${escapeXml(text)}</system-out>`;
  return testCase(suite, nameOf(one), inside);
}

/** `what` is a line such as "log: get us (missing in 15 runs before, 0 after)". */
function skipped(suite: string, what: string): string {
  const at = what.lastIndexOf(' (');
  const message = what.slice(at + 2, -1);
  return testCase(suite, what.slice(0, at), `<skipped${attributes({ message })}/>`);
}

const testCase = (classname: string, name: string, inside: string): string =>
  `    <testcase${attributes({ classname, name })}>${inside}</testcase>`;

const attributes = (values: Readonly<Record<string, string | number>>): string =>
  Object.entries(values)
    .map(([name, value]) => ` ${name}="${escapeXml(String(value))}"`)
    .join('');
