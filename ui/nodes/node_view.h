// SPDX-License-Identifier: GPL-3.0-or-later
// One node in full: what it is and how far away, its processors and memory, how fast it writes, its jobs, what each
// node can do and why not, and the end of its log.
#pragma once

#include "ui/nodes/node_watch.h"

#include <QWidget>

class QComboBox;
class QGridLayout;
class QLabel;
class QPlainTextEdit;
class QProgressBar;
class QPushButton;
class QStandardItemModel;
class QTableView;

namespace fulgurite {

class AbilityTable;
class Card;
class JobCurves;
class LinePlot;
class NodeModels;
class NodeHub;
class ThemeManager;

class NodeView : public QWidget {
    Q_OBJECT

  public:
    NodeView(ThemeManager& themes, NodeHub& hub, QWidget* parent = nullptr);

    void show(const QString& id);
    const QString& node() const { return id_; }
    NodeWatch& watch() { return *watch_; }
    NodeModels& models() { return *models_; }
    // Of this computer a folder is asked for, of another node one of its models.
    void chooseModel();
    // Why chooseModel() would do nothing; empty: it does.
    QString whyNoModels() const;
    // The row of a capability, for who followed a "why not".
    void highlight(const QString& capability);

  signals:
    void promptWanted(const QString& id);
    void connectWanted(const QString& id);
    void disconnectWanted(const QString& id);
    void modelWanted();                              // on this computer
    void runWanted(qint64 run, const QString& uuid); // of this node, on the Train page
    void menuWanted(const QString& id, const QPoint& global);

  private:
    QWidget* buildHeader();
    QWidget* buildMachine();
    QWidget* buildLower();
    void refresh();
    void showHeader();
    void showMachine();
    void showRate();
    void showJobs();
    struct JobRow;
    std::vector<JobRow> jobRows() const;
    void showCurves();
    void addLog(const std::vector<client::NodeLogLine>& lines);
    void addBar(const QString& name, double used, double total, const QString& text, bool near_limit);

    // A row of the machine's card; they are used again, so that what has the focus keeps it.
    struct Bar {
        QLabel* name;
        QProgressBar* bar;
        QLabel* value;
    };

    ThemeManager& themes_;
    NodeHub& hub_;
    NodeWatch* watch_;
    QString id_;
    QLabel* mark_;
    QLabel* name_;
    QLabel* facts_;
    QPushButton* open_;
    QPushButton* connect_;
    QPushButton* load_;
    NodeModels* models_;
    QPushButton* more_;
    Card* machine_;
    QGridLayout* bars_;
    std::vector<Bar> bar_rows_;
    std::size_t bars_used_ = 0;
    LinePlot* rate_;
    Card* rate_card_;
    Card* abilities_card_;
    AbilityTable* abilities_;
    Card* jobs_card_;
    QTableView* jobs_;
    QStandardItemModel* job_rows_;
    JobCurves* curves_;
    Card* log_card_;
    QComboBox* level_;
    QPushButton* follow_;
    QPlainTextEdit* log_;
    std::vector<client::NodeLogLine> lines_;
};

} // namespace fulgurite
