"""nbgrader's settings for this course; they hold for every `nbgrader` command and formgrader started in this folder.

`tlkit build` writes the source notebooks that nbgrader starts from. What depends on your class stands below.
"""

from tlkit.course.release import configure

c = get_config()  # noqa: F821 (nbgrader defines it when it reads this file)
configure(c)

c.CourseDirectory.course_id = "tlkit"
# c.Exchange.root = "/srv/nbgrader/exchange"    # a folder that instructor and learners can write to
