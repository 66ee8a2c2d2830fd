"""Examinations of a run: one file each, and one line in the list of `measure`."""

from gansmith.examinations.base import Examination as Examination
from gansmith.examinations.base import Subject as Subject
from gansmith.examinations.measure import EXAMINATIONS as EXAMINATIONS
from gansmith.examinations.measure import measure as measure
from gansmith.examinations.measure import sentences as sentences
from gansmith.examinations.measure import tables as tables
from gansmith.examinations.table import Bar as Bar
from gansmith.examinations.table import Table as Table
