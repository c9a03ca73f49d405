// What sessions used, counted from their journals: tokens, time and tool calls by day, folder, model and tool.

import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { perform } from '../../actions/action';
import { chooseDays, PERIODS, showUsage } from '../../actions/usage';
import { usePage, usePageState } from '../../hooks';
import type { UsageReport } from '../../protocol';
import { usageQuery } from '../../queries';
import { dayOfName as dayWords } from '../../strings/formats';
import { useWords } from '../../strings/strings';
import { Button } from '../../ui/kit/button';
import { Sheet } from '../../ui/kit/dialog';
import { DayCharts } from './day_charts';
import { GroupTable, ToolTable } from './group_tables';
import { Notes } from './notes';
import { Totals } from './totals';
import styles from './usage.module.css';

export function UsageSheet(): ReactNode {
  const page = usePage();
  const words = useWords('usage');
  const isOpen = usePageState((state) => state.isUsageShown);
  const close = () => page.set({ isUsageShown: false });
  return (
    <Sheet isOpen={isOpen} onClose={close} title={words('title')} isWide isModal isText>
      <Button size="small" className={styles.close} onClick={() => void perform(page, showUsage, undefined)}>
        {words('close')}
      </Button>
      {isOpen ? <Usage /> : null}
    </Sheet>
  );
}

function Usage(): ReactNode {
  const page = usePage();
  const words = useWords('usage');
  const days = usePageState((state) => state.usageDays);
  const { data: found, error, refetch, isFetching } = useQuery(usageQuery(page.daemon, days));
  return (
    <div className={styles.usage} aria-busy={isFetching}>
      <div className={styles.period} role="group" aria-label={words('period')}>
        {PERIODS.map((each) => (
          <Button key={each} size="small" aria-pressed={each === days} onClick={() => void perform(page, chooseDays, each)}>
            {words('days', { days: each })}
          </Button>
        ))}
        {found ? (
          <span className="dim">
            {words('span', { first: dayWords(found.first), last: dayWords(found.last) })} · {words('sessions', { count: found.sessions })}
          </span>
        ) : null}
      </div>
      {error ? (
        <p className="err" role="alert">
          {words('failed', { problem: error.message })}{' '}
          <Button size="small" onClick={() => void refetch()}>
            {words('again')}
          </Button>
        </p>
      ) : found ? (
        <Found report={found} />
      ) : (
        <p className="dim pulse">{words('counting')}</p>
      )}
    </div>
  );
}

function Found({ report }: { report: UsageReport }): ReactNode {
  const words = useWords('usage');
  const { total } = report;
  if (!total.turns && !total.tokens && !total.calls && !total.cut)
    return (
      <>
        <p>{words('empty', { days: report.days })}</p>
        <p className="dim">{words('emptyHint')}</p>
        <Notes report={report} />
      </>
    );
  return (
    <>
      <Totals total={total} />
      <DayCharts days={report.byDay} />
      <GroupTable title={words('byModel')} kind={words('model')} unnamed={words('noModel')} groups={report.byModel} more={report.moreModels} />
      <GroupTable title={words('byFolder')} kind={words('folder')} unnamed={words('noFolder')} groups={report.byFolder} more={report.moreFolders} />
      <ToolTable tools={report.byTool} more={report.moreTools} />
      <Notes report={report} />
    </>
  );
}
