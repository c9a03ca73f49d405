"""Tool calls that models write as text: found in a stream of any format, read, and corrected by the declarations of the tools."""
