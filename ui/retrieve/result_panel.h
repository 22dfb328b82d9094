// SPDX-License-Identifier: GPL-3.0-or-later
// The plots of the MRAG project: of result files that were opened or dropped, and of the collection's own
// evaluations. Files are read and their figures worked out on another thread, one file after another.
#pragma once

#include "core/client/retrieval_types.h"
#include "core/retrieval/results/result_figures.h"

#include <QStringList>
#include <QWidget>

#include <memory>
#include <vector>

class QComboBox;
class QLabel;
class QPushButton;
class QStackedWidget;

namespace fulgurite {

class ResultPlot;
class ThemeManager;

class ResultPanel : public QWidget {
    Q_OBJECT

  public:
    explicit ResultPanel(ThemeManager& themes, QWidget* parent = nullptr);

    // Result files, and folders of which every result file is taken. What is open already is read again.
    void open(const QStringList& paths);
    QStringList openFiles() const;
    void closeFile(); // the one that is shown; the file itself stays
    void askForFiles();
    void askForFolder();

    // Own evaluations, newest first; a new one is shown unless a file is.
    void setEvaluations(const std::vector<client::Evaluation>& evaluations);
    // What recordWanted() asked for; `problem` in words where there is none.
    void takeRecord(const QString& record, std::shared_ptr<const std::string> file, const QString& problem);

    bool reading() const { return reading_; }
    ResultPlot& plot() { return *plot_; }
    QComboBox& sources() { return *sources_box_; }
    QComboBox& figures() { return *figures_box_; }
    QWidget* controls() { return controls_; }                // for the header of the card
    const QString& message() const { return message_text_; } // in the plot's place; empty: there is a plot

  signals:
    void recordWanted(const QString& record);
    void failed(const QString& message);
    void figureShown();

  protected:
    void dragEnterEvent(QDragEnterEvent* event) override;
    void dropEvent(QDropEvent* event) override;
    void showEvent(QShowEvent* event) override;

  private:
    using Figures = std::vector<std::shared_ptr<const retrieval::Figure>>;
    // What one file, or one record, came to.
    struct Read {
        QString path;
        Figures figures;
        QString problem;
    };
    struct Source {
        QString title;
        QString path;   // of a file
        QString record; // of an own evaluation
        Figures figures;
        QString problem;
        bool asked = false; // of a record: its numbers are on their way
    };

    template <class Open>
    static Read read(const QString& name, const Open& open);
    static QStringList filesIn(const QStringList& paths);
    void buildControls();
    void readNext();
    void takeFile(Read read);
    void endReading();
    Source* shown();
    void listSources(int current);
    void showSource();
    void showFigure();
    void stepFigure(int by);
    void say(const QString& message, bool offer);

    ThemeManager& themes_;
    std::vector<Source> sources_; // files first, then records
    QStringList queue_;           // files to be read
    QStringList told_;            // what was wrong with those that were
    int total_ = 0;
    bool reading_ = false;
    bool show_next_ = true; // the first file that is read now
    QString wanted_figure_; // stays over sources
    QString message_text_;
    QStackedWidget* stack_;
    QLabel* message_;
    QPushButton* offer_;
    ResultPlot* plot_;
    QWidget* controls_;
    QComboBox* sources_box_;
    QComboBox* figures_box_;
    QPushButton* open_;
};

} // namespace fulgurite
