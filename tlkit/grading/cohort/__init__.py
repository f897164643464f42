"""What a class needs beside points: insights, late days, grades for other systems, similar answers, grading again."""
