"""What any assignment needs: wire, worker, runner, comparison. Ignorant of the homework."""
