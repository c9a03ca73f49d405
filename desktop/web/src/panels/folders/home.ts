import { useQuery } from '@tanstack/react-query';
import { usePage } from '../../hooks';
import { foldersQuery } from '../../queries';

// The home folder of the user that the daemon runs as; '' until it is known.
export function useHome(): string {
  const page = usePage();
  return useQuery({ ...foldersQuery(page.daemon, ''), staleTime: Infinity }).data?.home ?? '';
}
