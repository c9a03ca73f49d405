// What each step saw, as a list of names and values.

import type { ReactNode } from 'react';
import { usePage } from '../../hooks';
import type { Diagnosis, Hop } from '../../protocol';
import { useWords } from '../../strings/strings';
import { line } from '../../visible';
import { bytesText, milliseconds, number } from '../../strings/formats';
import { FixOffer } from './fix_offer';
import styles from './triage.module.css';
import { TONES } from './verdict';

type Name = Diagnosis['steps'][number]['name'];
type Fact = [name: string, value: ReactNode, tone?: string];

// Whether there is more to show of a step than its sentence.
export function hasEvidence(name: Name, { evidence, findings = [] }: Diagnosis): boolean {
  switch (name) {
    case 'route':
      return true;
    case 'heartbeat':
      return evidence.hops.length > 0;
    case 'divergence':
      return (evidence.marks?.length ?? 0) > 0;
    case 'probe':
      return evidence.probe !== undefined && evidence.probe.state !== 'skipped';
    case 'domain':
      return findings.length > 1;
  }
}

export function StepEvidence({ name, diagnosis }: { name: Name; diagnosis: Diagnosis }): ReactNode {
  switch (name) {
    case 'route':
      return <Route diagnosis={diagnosis} />;
    case 'heartbeat':
      return <Heartbeat diagnosis={diagnosis} />;
    case 'divergence':
      return <Divergence diagnosis={diagnosis} />;
    case 'probe':
      return <Probe diagnosis={diagnosis} />;
    case 'domain':
      return <Findings diagnosis={diagnosis} />;
  }
}

function Facts({ facts }: { facts: Fact[] }): ReactNode {
  const words = useWords('triage.evidence');
  if (!facts.length) return <p className="dim">{words('none')}</p>;
  return (
    <dl className={styles.facts}>
      {facts.map(([name, value, tone = '']) => (
        <div key={name}>
          <dt>{line(name)}</dt>
          <dd className={tone || undefined}>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Route({ diagnosis }: { diagnosis: Diagnosis }): ReactNode {
  const words = useWords('triage.evidence');
  const { model, sandbox = '', sandboxReason = '', providers = [], policyProblems = [], settingsProblem = '' } = diagnosis.evidence.route;
  const facts: Fact[] = [];
  if (model) facts.push([words('model'), line(model)]);
  for (const { name, healthy, reason = '', latencyMs = 0, isWanted, isFallback } of providers) {
    const role = isWanted ? ` · ${words('wanted')}` : isFallback ? ` · ${words('fallback')}` : '';
    facts.push([name, `${healthy ? words('answers', { ms: number(latencyMs, 1) }) : line(reason)}${role}`, healthy ? '' : isWanted ? 'err' : 'warn']);
  }
  if (sandbox) facts.push([words('sandbox'), `${sandbox}${sandboxReason ? ` · ${line(sandboxReason)}` : ''}`, sandbox === 'none' ? 'warn' : '']);
  for (const problem of [...policyProblems, settingsProblem].filter(Boolean)) facts.push([problem.split(':')[0] ?? '', line(problem), 'warn']);
  return <Facts facts={facts} />;
}

const HOP_TONES: Partial<Record<Hop['state'], string>> = { slow: 'warn', silent: 'err', suspended: 'err', down: 'err', 'not used': 'dim', unknown: 'dim' };

function Heartbeat({ diagnosis }: { diagnosis: Diagnosis }): ReactNode {
  const words = useWords('triage.evidence');
  const { hops, machine } = diagnosis.evidence;
  const facts: Fact[] = hops.map(({ name, state, reason = '', latencyMs, pid, restartedS, missingSockets = [] }) => {
    const parts = [
      words('hop', { state: state === 'not used' ? 'unused' : state }),
      latencyMs === undefined || latencyMs === null ? '' : milliseconds(latencyMs),
      pid ? words('pid', { pid: String(pid) }) : '',
      restartedS === undefined || restartedS === null ? '' : words('restarted', { seconds: Math.round(restartedS) }),
      missingSockets.length ? words('sockets', { names: missingSockets.join(', ') }) : '',
      line(reason),
    ];
    return [name, parts.filter(Boolean).join(' · '), missingSockets.length ? 'err' : HOP_TONES[state]];
  });
  const { diskFree, diskProblem = '', memoryFree, memoryTotal = 0 } = machine ?? {};
  if (diskFree !== undefined && diskFree !== null) facts.push([words('disk'), [words('diskFree', { free: bytesText(diskFree) }), diskProblem].filter(Boolean).join(' · '), diskProblem ? 'err' : '']);
  if (memoryFree && memoryTotal) facts.push([words('memory'), words('memoryFree', { free: bytesText(memoryFree), total: bytesText(memoryTotal) })]);
  return <Facts facts={facts} />;
}

function Divergence({ diagnosis }: { diagnosis: Diagnosis }): ReactNode {
  const page = usePage();
  const words = useWords('triage');
  const { marks = [], session: sid = '' } = diagnosis.evidence;
  if (!marks.length) return <Facts facts={[]} />;
  return (
    <ul className={styles.marks}>
      {marks.map(({ seq, kind, text }) => (
        <li key={seq}>
          <span>{line(text)}</span> <span className="dim">{kind}</span> {sid ? <a href={page.address({ view: 'session', sid, seq })}>{words('steps.inTimeline', { seq: seq.toString() })}</a> : null}
        </li>
      ))}
    </ul>
  );
}

function Probe({ diagnosis }: { diagnosis: Diagnosis }): ReactNode {
  const words = useWords('triage.evidence');
  const probe = diagnosis.evidence.probe;
  if (!probe || probe.state === 'skipped') return <Facts facts={[]} />;
  const { model = '', answer = '', tool = '', firstTokenMs = 0, elapsedMs = 0, reason = '' } = probe;
  const facts: Fact[] = [
    [words('model'), line(model)],
    [words('tool'), words('toolWords', { tool: tool || 'none' }), tool === 'failed' ? 'err' : ''],
  ];
  if (firstTokenMs) facts.push([words('firstToken'), milliseconds(firstTokenMs)]);
  if (elapsedMs) facts.push([words('whole'), milliseconds(elapsedMs)]);
  return (
    <>
      <Facts facts={facts} />
      {answer ? <p className="dim">{words('answer', { answer: line(answer) })}</p> : null}
      {reason ? <p className="err">{line(reason)}</p> : null}
    </>
  );
}

// Everything that was found besides the first, which the verdict shows.
function Findings({ diagnosis }: { diagnosis: Diagnosis }): ReactNode {
  const words = useWords('triage');
  const others = (diagnosis.findings ?? []).slice(1);
  if (!others.length) return <Facts facts={[]} />;
  return (
    <>
      <h4>{words('steps.also')}</h4>
      <ul className={styles.others}>
        {others.map(({ cause, hop = '', severity, domain, reason, fix }) => (
          <li key={`${cause} ${hop} ${reason}`}>
            <p className={TONES[severity]}>
              {words('domain', { domain, severity })} <span className={styles.severity}>{words('domainWords', { severity })}</span>
            </p>
            <p>{line(reason)}</p>
            <FixOffer fix={fix} />
          </li>
        ))}
      </ul>
    </>
  );
}
