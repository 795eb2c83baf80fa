"""Snakemake ends when its work is done."""

import threading


def end_timers_with_main_thread() -> None:
    """See to it that no timer, such as the scheduler leaves, keeps the process from ending."""

    def cancel_timers() -> None:
        threading.main_thread().join()
        for thread in threading.enumerate():
            if isinstance(thread, threading.Timer):
                thread.cancel()

    threading.Thread(target=cancel_timers, daemon=True).start()
